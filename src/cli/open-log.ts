import type { Config } from "../config.ts";
import type { Log } from "../telemetry/log.ts";
import type { CliContext } from "./context.ts";

/** Whether who reads the log are people: as LOG_FORMAT says, else where it runs down a terminal. */
export const isReadByPeople = (
  { isWatched }: Pick<CliContext, "isWatched">,
  { logFormat }: Pick<Config, "logFormat">,
): boolean => (logFormat === "auto" ? isWatched : logFormat === "text");

/** The log as the settings have it. */
export const openLog = (
  context: Pick<CliContext, "isWatched" | "createLog">,
  config: Pick<Config, "logLevel" | "logFormat">,
): Log => context.createLog(config.logLevel, isReadByPeople(context, config) ? "text" : "json");
