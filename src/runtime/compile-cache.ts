import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * What a command loads is compiled once and not at each start. It lies where the packages lie, since others may write
 * into a temporary folder. Where nobody may write, nothing is kept, and what lies there is used all the same.
 */
export const openCompileCache = (): void =>
  void enableCompileCache(fileURLToPath(new URL("../../node_modules/.cache/relay", import.meta.url)));
