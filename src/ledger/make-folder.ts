import { makeFolder } from "./small-pglite.ts";

// A process of its own that makes an embedded database in an empty folder, and ends.
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("name a folder");
await makeFolder(folder);
