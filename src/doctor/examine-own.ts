import type { Clock } from "../clock.ts";
import { ALERT_NOTICE_VARIABLE, type Config } from "../config.ts";
import { RelayError } from "../errors.ts";
import { type NoticeHosts, whyNoNoticeUrl } from "../http/notice-hosts.ts";
import { folderOf } from "../ledger/folder-of.ts";
import { mayWrite, READ_ONLY, READ_ONLY_REMEDY } from "../ledger/may-write.ts";
import { NoLedgerError, openLedgerOfRelay } from "../ledger/open-ledger.ts";
import { listProcesses } from "../ledger/processes.ts";
import type { ProcessRow } from "../ledger/schema.ts";
import { messageOf } from "../message-of.ts";
import { isLive, workedQueues } from "../processes/worked-queues.ts";
import { isClusterDown, mastersOf, openRedis } from "../redis/open-redis.ts";
import { whyPagesAreRefused } from "../relay/open-gate.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { idleTokens, sayIdleTokens, type ToolGrants } from "../rules/read-tools.ts";
import type { Log } from "../telemetry/log.ts";
import { counted } from "../text/figures.ts";
import { type Finding, failed, ok, type Verdict, warning } from "./finding.ts";

const CONNECT_TIMEOUT_MS = 5_000;

/** What the settings mean together, beyond what each of them must be. */
export function judgeSettings(config: Pick<Config, "fastio" | "http" | "tokens" | "catchUp">): readonly Finding[] {
  return [
    { check: "settings.webhooks", subject: "FASTIO_WEBHOOK_SECRETS", ...judgeSecrets(config) },
    { check: "settings.pages", subject: "RELAY_TOKENS", ...judgePages(config) },
  ];
}

function judgePages({ tokens, http }: Pick<Config, "http" | "tokens">): Verdict {
  if (tokens.length === 0) {
    const remedy = "Set RELAY_TOKENS=operator:<16 random characters or more>, such as of openssl rand -base64 24.";
    return warning("pages_closed", "no token is set, so nobody can open the pages", remedy);
  }
  if (whyPagesAreRefused(http) === undefined)
    return ok(`${counted(tokens.length, "token")}, with which the pages can be opened`);
  return warning(
    "pages_refused",
    `HOST is ${http.host} and nothing says that TLS protects the way there, so the pages are not served to other machines`,
    "Put a proxy with TLS before the relay and set TRUST_PROXY and PUBLIC_URL, or set ALLOW_PLAIN_HTTP=on where you trust the network.",
  );
}

/** Without a secret every delivery is refused, which is fine while catch-up asks Fast.io by itself. */
function judgeSecrets({ fastio, catchUp }: Pick<Config, "fastio" | "catchUp">): Verdict {
  const { secrets, secretsFile, signature } = fastio;
  if (signature === "unsigned") return ok("deliveries are taken without a signature");
  if (secretsFile !== undefined) return ok(`secrets are read from ${secretsFile}`);
  if (secrets.length > 0) return ok(`${counted(secrets.length, "secret")} to check deliveries with`);
  if (catchUp.on) return ok("no secret is set: deliveries are refused, and catch-up asks Fast.io for files instead");
  return warning(
    "deliveries_refused",
    "no secret is set, so every delivery is refused, and with CATCH_UP=off nothing else finds files",
    "Set CATCH_UP=on; or set the secret that Fast.io showed when the webhook was made (relay webhooks register makes one).",
  );
}

/** Whether the variables are set that rules name for the passwords of their shares. Tells nothing of the values. */
export function judgePasswords({ fastio }: Pick<Config, "fastio">, rules: readonly CompiledRule[]): readonly Finding[] {
  const variables = new Set(rules.flatMap(({ rule }) => rule.deliver.passwordVariable ?? []));
  return [...variables].map((subject) => {
    const verdict =
      fastio.passwordOf(subject) === undefined
        ? failed("password_missing", "the variable is not set", `Set ${subject}, or remove password from the rule.`)
        : ok("is set");
    return { check: "settings.passwords", subject, ...verdict };
  });
}

/** Whether notices, of alerts and of runs, have an address that they may go to. Tells nothing of the addresses. */
export function judgeNotices({ notices }: Pick<Config, "notices">, rules: readonly CompiledRule[]): readonly Finding[] {
  const named = rules.flatMap(({ rule }) => rule.deliver.noticeVariable ?? []);
  return [...new Set([ALERT_NOTICE_VARIABLE, ...named])].map((subject) => ({
    check: "settings.notices",
    subject,
    ...judgeNoticeUrl(notices.urlOf(subject), notices, named.includes(subject)),
  }));
}

function judgeNoticeUrl(url: string | undefined, allowed: NoticeHosts, isNamedByRule: boolean): Verdict {
  if (url === undefined) {
    return isNamedByRule
      ? failed("notice_unusable", "the variable is not set", "Set it, or remove notice from the rule.")
      : ok("is not set: alerts show on the pages and in relay alerts alone");
  }
  const fault = whyNoNoticeUrl(url, allowed);
  if (fault === undefined) return ok("is an address that notices may go to");
  return failed("notice_unusable", fault, "Correct the address, or name its host in NOTICE_HOSTS, if you trust it.");
}

/** Whether the rules file says what each agent may do: the receiver does not start before. None is fine. */
export function judgeTools({ toolTokens }: Pick<Config, "toolTokens">, tools: ToolGrants): readonly Finding[] {
  if (toolTokens.length === 0) return [];
  const idle = idleTokens(tools, toolTokens);
  const remedy = "Write them under tools: in the rules file, or take them out of TOOLS_TOKEN.";
  const verdict =
    idle.length > 0
      ? failed("settings_invalid", sayIdleTokens(idle), remedy)
      : ok(`${counted(toolTokens.length, "token")} of agents, and the rules file says what they may do`);
  return [{ check: "settings.tools", subject: "TOOLS_TOKEN", ...verdict }];
}

/** Opens the ledger as the relay would; one that is not there yet is left alone. */
export async function examineLedger(
  url: string,
  { clock, log }: { readonly clock: Pick<Clock, "now">; readonly log: Log },
): Promise<readonly Finding[]> {
  const folder = folderOf(url);
  const about = (verdict: Verdict): Finding => ({ check: "ledger", subject: folder ?? "PostgreSQL", ...verdict });
  try {
    const ledger = await openLedgerOfRelay(url, log);
    const [rows, isWritable] = await Promise.all([listProcesses(ledger.db), mayWrite(ledger.db)]).finally(ledger.close);
    const verdict = isWritable
      ? ok("opens, and its schema is up to date")
      : failed("ledger_unavailable", READ_ONLY, READ_ONLY_REMEDY);
    return [about(verdict), ...judgeProcesses(rows, clock.now())];
  } catch (error) {
    if (error instanceof NoLedgerError) return [about(ok("is made at the first start"))];
    if (error instanceof RelayError && error.code === "ledger_locked") {
      return [about(ok(messageOf(error)))];
    }
    const remedy = error instanceof RelayError ? error.nextAction : undefined;
    return [about(failed("ledger_unavailable", messageOf(error), remedy ?? "Check DATABASE_URL."))];
  }
}

/** Whether somebody works on each queue, where any process of the relay runs at all. */
function judgeProcesses(rows: readonly ProcessRow[], nowMs: number): readonly Finding[] {
  const live = rows.filter((row) => isLive(row, nowMs));
  if (live.length === 0) return [];
  const versions = [...new Set(live.map(({ version }) => version))].toSorted().join(" and ");
  const all = { check: "processes", subject: "the relay" };
  return [
    { ...all, ...ok(`${live.length} ${live.length === 1 ? "process runs" : "processes run"}, of version ${versions}`) },
    ...workedQueues(rows, nowMs)
      .filter(({ workers }) => workers === 0)
      .map(({ name }) => ({
        ...{ check: "processes", subject: name },
        ...warning("queue_unworked", "no process works on this queue", `Start one: relay work --queues ${name}.`),
      })),
  ];
}

/** A Redis must neither throw jobs away nor forget them at a restart. */
export async function examineQueue(redisUrl: string | undefined): Promise<readonly Finding[]> {
  const about = (verdict: Verdict): Finding => ({
    check: "queue",
    subject: redisUrl ? "REDIS_URL" : "DATABASE_URL",
    ...verdict,
  });
  if (redisUrl === undefined) return [about(ok("lives in the ledger's database"))];
  const client = openRedis(redisUrl, {
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    commandTimeoutMs: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryDelayMs: () => null,
    waitsForServer: true,
  });
  let why: unknown;
  for (const event of ["error", "node error"] as const) {
    client.on(event, (error: unknown) => {
      why ??= error;
    });
  }
  try {
    await client.connect();
    if (await isClusterDown(client)) throw new Error("the cluster is down (cluster_state)");
    const told = await Promise.all(mastersOf(client).map((master) => master.info()));
    // Of servers of which the same is to be said, once.
    const verdicts = new Map(told.flatMap(judgeRedis).map((verdict) => [verdict.found, verdict]));
    return [...verdicts.values()].map(about);
  } catch (error) {
    // The call that fails says no more than that there is no connection.
    return [about(failed("queue_unavailable", messageOf(why ?? error), "Check REDIS_URL, and that the server runs."))];
  } finally {
    client.disconnect();
  }
}

/** @param info what `INFO` answers */
export function judgeRedis(info: string): readonly Verdict[] {
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1];
  const policy = field("maxmemory_policy");
  const eviction =
    policy === undefined || policy === "noeviction"
      ? ok(`${field("redis_version") ?? "a server"} answers, and throws no jobs away`)
      : warning(
          "queue_may_evict",
          `maxmemory-policy is ${policy}: queued jobs may be thrown away`,
          "Set it to noeviction.",
        );
  const isKept = field("aof_enabled") !== "0";
  const memory = isKept
    ? []
    : [
        warning(
          "queue_may_forget",
          "append-only is off: after a crash the queue is rebuilt from the ledger, which takes a while",
          "Set appendonly yes.",
        ),
      ];
  return [eviction, ...memory];
}
