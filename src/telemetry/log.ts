import { type Logger, pino } from "pino";
import { createLineWriter } from "./line-writer.ts";

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Structured log: a dotted event name and ids. Payloads, tokens and signed URLs never. */
export type Log = {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  child(fields: LogFields): Log;
};

/** For callers that have nobody to tell. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

/** Field names whose values never reach a log line, wherever they stand. */
const SECRET_FIELDS = ["authorization", "apiKey", "token", "secret", "password", "signature", "url"];

/** JSON lines through pino. @param destination a file descriptor; 1 is standard output */
export function createLog(level: LogLevel, destination = 1): Log {
  const logger = pino(
    {
      level,
      base: null,
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" },
      formatters: { level: (label) => ({ level: label }) },
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    createLineWriter(destination),
  );
  return wrap(logger);
}

function wrap(logger: Logger): Log {
  return {
    debug: (event, fields = {}) => logger.debug(fields, event),
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
    child: (fields) => wrap(logger.child(fields)),
  };
}
