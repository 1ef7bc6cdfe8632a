import { createHash } from "node:crypto";
import type { Config } from "../config.ts";

/** Names the app whose key is in a variable by the first 12 hex digits of the SHA-256 of the key, without telling it. */
export const createAppOf =
  ({ keyOf }: Pick<Config["dify"], "keyOf">) =>
  (keyVariable: string): string =>
    createHash("sha256")
      .update(keyOf(keyVariable) ?? "")
      .digest("hex")
      .slice(0, 12);
