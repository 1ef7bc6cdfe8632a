import { z } from "zod";
import { LEAST_FREE_BYTES } from "./disk/room-on-disk.ts";
import { MIN_EDGE_SECRET_CHARS } from "./edge/wire.ts";
import { PermanentError } from "./errors.ts";
import { SCHEME_SETTINGS } from "./fastio/signatures/verify-delivery.ts";
import { parseTrustedProxies, type TrustedProxies } from "./http/client-address.ts";
import { type NoticeHosts, PUBLIC_NOTICE_HOSTS } from "./http/notice-hosts.ts";
import { databaseUrl } from "./ledger/database-url.ts";
import type { PressureLimits } from "./pressure/judge-pressure.ts";
import { readRedisUrl } from "./redis/read-redis-url.ts";
import { isKey, NO_KEY } from "./text/is-key.ts";
import { issueWords } from "./text/issue-words.ts";

const blankIsUnset = (value: unknown): unknown => (value === "" ? undefined : value);
const setting = <T extends z.ZodType>(schema: T) => z.preprocess(blankIsUnset, schema);

const commaList = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

const origins = commaList.transform((parts, context) => {
  const found = parts.filter((part) => URL.canParse(part) && /^https?:/.test(part));
  if (found.length < parts.length)
    context.addIssue("must be addresses such as https://files.example.com, separated by commas");
  return found.map((part) => new URL(part).origin);
});

const HOST_NAME = /^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$|^\[[0-9a-f:.]+\](:\d{1,5})?$/;

const hostNames = commaList.transform((parts, context) => {
  const names = parts.map((part) => part.toLowerCase());
  if (!names.every((name) => HOST_NAME.test(name)))
    context.addIssue(
      "must be hosts such as hooks.example.com, hooks.example.com:8443 or *.example.com, separated by commas",
    );
  return names;
});

const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

const roleTokens = commaList.transform((parts, context) => {
  const tokens: { role: Role; token: string }[] = [];
  for (const part of parts) {
    const [name, ...rest] = part.split(":");
    const role = ROLES.find((known) => known === name);
    const token = rest.join(":");
    if (!role) context.addIssue("must be role:token pairs, with the roles viewer, operator and admin");
    else if (token.length < 16) context.addIssue(`the token of ${role} must have 16 characters or more`);
    else tokens.push({ role, token });
  }
  return tokens;
});

/** How the token of an agent is called: here, under `tools:` in the rules file, and in the log of calls. */
export const TOOL_TOKEN_NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Without a name it is called `default`. */
const toolTokens = commaList.transform((parts, context) => {
  const tokens = parts.map((part) => {
    const [name = "", ...rest] = part.split(":");
    return rest.length === 0 ? { name: "default", token: part } : { name, token: rest.join(":") };
  });
  const names = tokens.map(({ name }) => name);
  if (names.some((name) => !TOOL_TOKEN_NAME.test(name)))
    context.addIssue("must be name:token pairs, the names of small letters, digits and hyphens");
  if (new Set(names).size < names.length) context.addIssue("must have each name once");
  if (tokens.some(({ token }) => token.length < 16)) context.addIssue("must hold tokens of 16 characters or more");
  return tokens;
});

const whole = (least: number, most: number, unit = "") => {
  const error = `must be a whole number from ${least} to ${most}${unit}`;
  return z.coerce.number({ error }).int({ error }).min(least, { error }).max(most, { error });
};

/** Parts of a day are for trials; the least is 14.4 minutes, longer than catch-up looks back as a rule. */
const DAYS_FAULT = "must be a number of days from 0.01 to 36500";
const days = z.coerce.number({ error: DAYS_FAULT }).min(0.01, { error: DAYS_FAULT }).max(36_500, { error: DAYS_FAULT });

const redisUrl = z.string().superRefine((url, context) => {
  const read = readRedisUrl(url);
  if ("fault" in read) context.addIssue(read.fault);
});
const trustedProxies = z.string().transform((text, context) => {
  const proxies = parseTrustedProxies(text);
  if (!proxies)
    context.addIssue("must be how many proxies there are, such as 1, or their addresses, such as 10.0.0.0/8");
  return proxies;
});
/** Without what stands around it: a file with a key in it, as secrets are mounted, ends with a line break. */
const key = z.preprocess(
  (value) => (typeof value === "string" ? blankIsUnset(value.trim()) : value),
  z.string().refine(isKey, NO_KEY).optional(),
);
const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http:// or https:// address" });

const relayUrl = httpUrl.refine((text) => {
  const url = URL.parse(text);
  return url?.username === "" && url.password === "";
}, "must have no user and no password; RELAY_TOKEN holds the token");

/** Every variable the relay reads, with its default. `.env.example` and the README list exactly these. */
export const EnvSchema = z.object({
  HOST: setting(z.string().default("127.0.0.1")),
  PORT: setting(whole(0, 65_535).default(8787)),
  METRICS_PORT: setting(whole(0, 65_535).optional()),
  DATABASE_URL: setting(databaseUrl.default("pglite:.relay/data")),
  REDIS_URL: setting(redisUrl.optional()),
  FASTIO_API_URL: setting(httpUrl.default("https://api.fast.io/current")),
  FASTIO_API_KEY: key,
  FASTIO_AUTH: setting(z.enum(["key", "session"]).default("key")),
  FASTIO_DIALECT: setting(z.enum(["auto", "reference", "guide"]).default("auto")),
  FASTIO_WEBHOOK_SECRETS: setting(commaList.prefault("")),
  FASTIO_WEBHOOK_SECRETS_FILE: setting(z.string().optional()),
  FASTIO_SIGNATURE: setting(z.enum(SCHEME_SETTINGS).default("auto")),
  EDGE_SECRET: setting(
    z.string().trim().min(MIN_EDGE_SECRET_CHARS, `must have ${MIN_EDGE_SECRET_CHARS} characters or more`).optional(),
  ),
  CATCH_UP: setting(z.enum(["on", "off"]).default("on")),
  CATCH_UP_LOOK_BACK_MINUTES: setting(whole(0, 10_080, " minutes").default(15)),
  DIFY_API_URL: setting(httpUrl.default("https://api.dify.ai/v1")),
  DIFY_API_KEY: key,
  DIFY_FILES_URL: setting(httpUrl.optional()),
  DIFY_WEB_URL: setting(httpUrl.optional()),
  OUTBOUND_ORIGINS: setting(origins.prefault("")),
  NOTICE_HOSTS: setting(hostNames.optional()),
  DIFY_PARALLEL: setting(whole(1, 1_000).default(3)),
  DIFY_PARALLEL_MAX: setting(whole(1, 1_000).default(20)),
  DIFY_ABSENT_MS: setting(whole(0, 86_400_000, " milliseconds").default(330_000)),
  ALERT_NOTICE_URL: setting(httpUrl.optional()),
  RELAY_CONFIG: setting(z.string().default("relay.config.yaml")),
  RELAY_TOKENS: setting(roleTokens.prefault("")),
  RELAY_URL: setting(relayUrl.optional()),
  RELAY_TOKEN: key,
  TOOLS_TOKEN: setting(toolTokens.prefault("")),
  PUBLIC_URL: setting(httpUrl.optional()),
  TRUST_PROXY: setting(trustedProxies.optional()),
  ALLOW_PLAIN_HTTP: setting(z.enum(["on", "off"]).default("off")),
  OUTBOX_MAX_EVENTS: setting(whole(1, 1_000_000_000).default(1_000_000)),
  OUTBOX_MAX_HOURS: setting(whole(1, 8_760, " hours").default(168)),
  LEDGER_MAX_LAG_MS: setting(whole(100, 600_000, " milliseconds").default(5_000)),
  QUEUE_MAX_MEMORY_PERCENT: setting(whole(1, 100, " per cent").default(80)),
  RETENTION_DAYS: setting(days.default(90)),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(httpUrl.optional()),
  LOG_LEVEL: setting(z.enum(["debug", "info", "warn", "error", "silent"]).default("info")),
  LOG_FORMAT: setting(z.enum(["auto", "json", "text"]).default("auto")),
});

/** Notices keep the name of the variable with their address, never the address. */
export const ALERT_NOTICE_VARIABLE = "ALERT_NOTICE_URL" satisfies keyof typeof EnvSchema.shape;

type Env = z.output<typeof EnvSchema>;

/** The settings, in the slices that the parts of the relay get. */
export type Config = {
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Where a process without a receiver tells how it fares; undefined: nowhere. */
    readonly metricsPort: number | undefined;
    readonly publicUrl: string | undefined;
    /** In front of the relay; undefined: none that is to be believed. */
    readonly proxies: TrustedProxies | undefined;
    /** Whether pages are served to other machines without TLS. */
    readonly allowsPlainHttp: boolean;
  };
  readonly ledger: { readonly url: string; readonly retentionMs: number };
  /** undefined: the queue lives in the database. */
  readonly redisUrl: string | undefined;
  /** Beyond these, deliveries are sent away for a while, or work waits in the ledger. */
  readonly pressure: PressureLimits;
  readonly fastio: {
    readonly apiUrl: string;
    readonly apiKey: string | undefined;
    /** Send the key itself, or swap it for a session token that is renewed. */
    readonly auth: Env["FASTIO_AUTH"];
    readonly dialect: Env["FASTIO_DIALECT"];
    readonly secrets: readonly string[];
    /** Holds further secrets, and is read again while the relay runs. */
    readonly secretsFile: string | undefined;
    readonly signature: Env["FASTIO_SIGNATURE"];
    /** The value of the variable that a rule names for the password of its shares. */
    readonly passwordOf: (variable: string) => string | undefined;
  };
  /** What our edge worker signs its batches with; without it none is taken. */
  readonly edgeSecret: string | undefined;
  readonly catchUp: {
    /** Whether Fast.io is asked for what webhooks did not tell. */
    readonly on: boolean;
    /** How much of the past counts in a workspace that was never read. */
    readonly lookBackMs: number;
  };
  readonly dify: {
    readonly apiUrl: string;
    readonly filesUrl: string | undefined;
    /** Where Dify serves its pages; undefined: where its API is, if it is self-hosted. */
    readonly webUrl: string | undefined;
    /** Workflow runs at a time that an app is given to begin with, by all processes together. */
    readonly parallel: number;
    /** The most it is ever tried with. */
    readonly parallelMax: number;
    /** How long Dify may take to list a run that was asked for before it counts as never started. */
    readonly absentMs: number;
    /** The value of the variable that a rule names for its app's key. */
    readonly keyOf: (variable: string) => string | undefined;
  };
  /** Hosts the relay may reach beside the two APIs, as origins: where files of either upstream are kept. */
  readonly outboundOrigins: readonly string[];
  /** Where notices may go, and the addresses in the variables that rules name. */
  readonly notices: NoticeHosts & { readonly urlOf: (variable: string) => string | undefined };
  readonly rulesFile: string;
  /** Whether a variable that a rule names holds something. */
  readonly isSet: (variable: string) => boolean;
  readonly tokens: readonly { readonly role: Role; readonly token: string }[];
  /** The relay that commands ask instead of the ledger, and the token they show it in place of one of `tokens`. */
  readonly ask: { readonly url: string | undefined; readonly token: string | undefined };
  /** Of agents; what each may do stands in the rules file. */
  readonly toolTokens: readonly { readonly name: string; readonly token: string }[];
  readonly logLevel: Env["LOG_LEVEL"];
  /** For programs or for people; `auto`: for people where standard output is a terminal. */
  readonly logFormat: Env["LOG_FORMAT"];
  /** Where traces are sent; undefined: there are none. */
  readonly traces: { readonly endpoint: string | undefined };
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {PermanentError} `config_invalid`: all faults in one message, naming variables and never their values */
export function parseConfig(environment: Environment): Config {
  const parsed = EnvSchema.safeParse(environment);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `  ${String(issue.path[0])}: ${issueWords(issue)}`);
    throw new PermanentError("config_invalid", `The environment does not fit:\n${[...new Set(faults)].join("\n")}`, {
      failure: "misconfigured",
    });
  }
  const env = parsed.data;
  const readVariable = (variable: string) => environment[variable] || undefined;
  return Object.freeze({
    http: {
      host: env.HOST,
      port: env.PORT,
      metricsPort: env.METRICS_PORT,
      publicUrl: env.PUBLIC_URL,
      proxies: env.TRUST_PROXY,
      allowsPlainHttp: env.ALLOW_PLAIN_HTTP === "on",
    },
    ledger: { url: env.DATABASE_URL, retentionMs: Math.round(env.RETENTION_DAYS * 86_400_000) },
    redisUrl: env.REDIS_URL,
    pressure: {
      outboxEvents: env.OUTBOX_MAX_EVENTS,
      outboxAgeMs: env.OUTBOX_MAX_HOURS * 3_600_000,
      ledgerLagMs: env.LEDGER_MAX_LAG_MS,
      queueMemoryPercent: env.QUEUE_MAX_MEMORY_PERCENT,
      freeBytes: LEAST_FREE_BYTES,
    },
    fastio: {
      apiUrl: env.FASTIO_API_URL,
      apiKey: env.FASTIO_API_KEY,
      auth: env.FASTIO_AUTH,
      dialect: env.FASTIO_DIALECT,
      secrets: env.FASTIO_WEBHOOK_SECRETS,
      secretsFile: env.FASTIO_WEBHOOK_SECRETS_FILE,
      signature: env.FASTIO_SIGNATURE,
      passwordOf: readVariable,
    },
    edgeSecret: env.EDGE_SECRET,
    catchUp: { on: env.CATCH_UP === "on", lookBackMs: env.CATCH_UP_LOOK_BACK_MINUTES * 60_000 },
    dify: {
      apiUrl: env.DIFY_API_URL,
      filesUrl: env.DIFY_FILES_URL,
      webUrl: env.DIFY_WEB_URL,
      parallel: env.DIFY_PARALLEL,
      parallelMax: Math.max(env.DIFY_PARALLEL, env.DIFY_PARALLEL_MAX),
      absentMs: env.DIFY_ABSENT_MS,
      keyOf: (variable) => readVariable(variable)?.trim() || undefined,
    },
    outboundOrigins: env.OUTBOUND_ORIGINS,
    notices: {
      hosts: env.NOTICE_HOSTS ?? PUBLIC_NOTICE_HOSTS,
      isOwn: env.NOTICE_HOSTS !== undefined,
      urlOf: readVariable,
    },
    rulesFile: env.RELAY_CONFIG,
    isSet: (variable: string) => readVariable(variable) !== undefined,
    tokens: env.RELAY_TOKENS,
    ask: { url: env.RELAY_URL, token: env.RELAY_TOKEN },
    toolTokens: env.TOOLS_TOKEN,
    logLevel: env.LOG_LEVEL,
    logFormat: env.LOG_FORMAT,
    traces: { endpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT },
  });
}
