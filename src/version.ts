import packageFile from "../package.json" with { type: "json" };

/** Of the relay, as its package says. */
export const VERSION: string = packageFile.version;
