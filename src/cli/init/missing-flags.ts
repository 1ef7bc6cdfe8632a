import type { Environment } from "../../config.ts";
import { PermanentError } from "../../errors.ts";
import { DIFY_KEY_VARIABLE } from "./ask-dify.ts";
import type { InitOptions } from "./init-options.ts";

/**
 * Where nobody can be asked, what cannot be proposed must be said.
 * @throws {PermanentError} `usage_invalid`, naming every option that is missing
 */
export function missingFlags(environment: Environment, options: InitOptions): void {
  const missing = [
    ...(options.yes || options.dryRun ? [] : ["--yes (nothing is written without it)"]),
    ...(options.fastioKeyFrom || environment["FASTIO_API_KEY"]
      ? []
      : ["--fastio-key-from <variable>, or FASTIO_API_KEY"]),
    ...(options.difyKeyFrom || environment[DIFY_KEY_VARIABLE]
      ? []
      : [`--dify-key-from <variable>, or ${DIFY_KEY_VARIABLE}`]),
  ];
  if (missing.length === 0) return;
  throw new PermanentError("usage_invalid", `nobody is here to be asked; missing:\n  ${missing.join("\n  ")}`, {
    nextAction: "relay init --help has an example, or run relay init in a terminal",
  });
}
