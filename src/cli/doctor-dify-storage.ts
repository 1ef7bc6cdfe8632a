import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import { systemClock } from "../clock.ts";
import type { Environment } from "../config.ts";
import { textOfFile } from "../disk/written-text.ts";
import { examineDifyStorage } from "../doctor/storage/examine-dify-storage.ts";
import { OUTDATED_ADVICE, type StorageAdvice } from "../doctor/storage/storage-advice.ts";
import { storageOriginsOf } from "../doctor/storage/storage-settings.ts";
import { PermanentError } from "../errors.ts";
import { isOneOf } from "../http/host-guard.ts";
import { createTransport } from "../http/transport.ts";
import { messageOf } from "../message-of.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { tellFindings } from "./doctor.ts";

export type DoctorDifyStorageOptions = {
  readonly json: boolean;
  /** Dify's `.env`; without it the environment is read. Not `--env-file`, which Node takes for itself. */
  readonly difyEnv?: string;
  /** Origins of the pages that browsers show. */
  readonly origin: readonly string[];
};

/** Tries the S3 storage of a self-hosted Dify and says what to write into its `.env`. 1 when a check failed. */
export async function doctorDifyStorage(context: CliContext, options: DoctorDifyStorageOptions): Promise<ExitCode> {
  const environment = options.difyEnv === undefined ? context.environment : await readEnvFile(options.difyEnv);
  const { tell, end } = tellFindings(context, options);
  const transport = createTransport({ isConfigured: isOneOf(storageOriginsOf(environment)) });
  let advice: StorageAdvice | undefined;
  try {
    const deps = { send: transport.send, clock: systemClock, newId: randomUUID };
    advice = await examineDifyStorage(deps, environment, options.origin, tell, context.signal);
  } finally {
    await transport.close();
  }
  if (!options.json && advice !== undefined) for (const line of linesOf(advice)) context.print(line);
  return end(advice === undefined ? {} : { advice: { ...advice, outdated: OUTDATED_ADVICE } });
}

/** @throws {PermanentError} `usage_invalid` */
async function readEnvFile(path: string): Promise<Environment> {
  try {
    return parseEnv(textOfFile(await readFile(path)));
  } catch (error) {
    throw new PermanentError("usage_invalid", `--dify-env: ${messageOf(error)}`, {
      nextAction: "Name Dify's .env, such as dify/docker/.env.",
    });
  }
}

function linesOf({ env, opendalEnv, migrate, notes }: StorageAdvice): readonly string[] {
  const block = (title: string, lines: readonly string[]): readonly string[] => [
    "",
    title,
    ...lines.map((line) => `  ${line}`),
  ];
  return [
    ...block("Dify's .env:", env),
    ...block("or the same store by OpenDAL:", opendalEnv),
    ...block("Then move what is there already:", migrate),
    ...block("Mind that", notes),
    ...block(
      "Older guides say otherwise:",
      OUTDATED_ADVICE.map(({ said, is }) => `${said} → ${is}`),
    ),
    "",
  ];
}
