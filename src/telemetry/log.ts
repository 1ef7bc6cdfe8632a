import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";
import { createLineWriter } from "./line-writer.ts";
import { type TextLook, textOfLines } from "./log-text.ts";

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

const STDERR = 2;
/** Field names whose values never reach a log line, wherever they stand. */
const SECRET_FIELDS = ["authorization", "apiKey", "token", "secret", "password", "signature", "url"];
const SECRETS: ReadonlySet<string> = new Set(SECRET_FIELDS);

/** As lines of JSON, or as text for people. */
export type LogFormat = "json" | TextLook;

/** Lines through pino. @param destination a file descriptor; 1 is standard output */
export function createLog(level: LogLevel, destination = 1, format: LogFormat = "json"): Log {
  const options = {
    level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: "event",
    timestamp: pino.stdTimeFunctions.isoTime,
  };
  const redact = { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: "[redacted]" };
  const lines = createLineWriter({
    write: (bytes) => writeSync(destination, bytes),
    warn: (why) => writeLastly(`relay: lines of the log are lost until it can be written again: ${why}\n`),
    show: format === "json" ? undefined : (told) => textOfLines(told, format),
  });
  return wrap({ plain: pino(options, lines), redacting: pino({ ...options, redact }, lines) });
}

/** To whoever looks at the terminal; there may be nobody, and this is not to be waited for. */
function writeLastly(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // Nobody is left to tell.
  }
}

/** The same line by either; to look for secrets takes twice as long as to write it, and most lines can have none. */
type Loggers = { readonly plain: Logger; readonly redacting: Logger };

function wrap({ plain, redacting }: Loggers): Log {
  const loggerFor = (fields: LogFields): Logger => (mayHoldSecret(fields) ? redacting : plain);
  return {
    debug: (event, fields = {}) => loggerFor(fields).debug(fields, event),
    info: (event, fields = {}) => loggerFor(fields).info(fields, event),
    warn: (event, fields = {}) => loggerFor(fields).warn(fields, event),
    error: (event, fields = {}) => loggerFor(fields).error(fields, event),
    child: (fields) => {
      const child = redacting.child(fields);
      return wrap({ plain: mayHoldSecret(fields) ? child : plain.child(fields), redacting: child });
    },
  };
}

function mayHoldSecret(fields: LogFields): boolean {
  for (const name in fields) {
    if (SECRETS.has(name)) return true;
    const value = fields[name];
    if (typeof value === "object" && value !== null) return true;
  }
  return false;
}
