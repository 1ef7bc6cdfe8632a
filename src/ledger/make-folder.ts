// A process of its own that makes an embedded database in an empty folder, and ends.

// Ctrl-C and the end of a service mean the relay, which stops once this is done: ended in the middle, it would look to the
// relay like a disk that is full. First of all, so that it holds while the rest is loaded.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);

const [{ silentLog }, { endWithDatabase }, { openSmall }] = await Promise.all([
  import("../telemetry/log.ts"),
  import("./end-with-database.ts"),
  import("./small-pglite.ts"),
]);
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("name a folder");
const pglite = await openSmall(folder, endWithDatabase(silentLog));
await pglite.close();

export {};
