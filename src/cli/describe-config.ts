import { ALERT_NOTICE_VARIABLE, type Config } from "../config.ts";
import { folderOf } from "../ledger/folder-of.ts";
import { withoutPassword } from "../text/without-password.ts";

/** What start-up logs: each setting, secrets as present or absent. */
export function describeConfig(config: Config): Readonly<Record<string, unknown>> {
  const presence = (value: unknown): string => (value ? "set" : "absent");
  return {
    host: config.http.host,
    port: config.http.port,
    publicUrl: withoutPassword(config.http.publicUrl ?? "none"),
    logFormat: config.logFormat,
    trustProxy: config.http.proxies ?? "none",
    plainHttp: config.http.allowsPlainHttp ? "allowed" : "on this machine",
    ledger: folderOf(config.ledger.url) === undefined ? "postgres" : config.ledger.url,
    queue: config.redisUrl?.replace(/:.*/s, "") ?? "in the database",
    fastioApi: withoutPassword(config.fastio.apiUrl),
    fastioKey: presence(config.fastio.apiKey),
    fastioDialect: config.fastio.dialect,
    webhookSecrets: config.fastio.secrets.length,
    webhookSecretsFile: presence(config.fastio.secretsFile),
    signatureScheme: config.fastio.signature,
    edgeSecret: presence(config.edgeSecret),
    catchUp: config.catchUp.on ? "on" : "off",
    difyApi: withoutPassword(config.dify.apiUrl),
    difyParallel: config.dify.parallel,
    difyParallelMax: config.dify.parallelMax,
    noticeHosts: config.notices.hosts,
    alertNotices: presence(config.notices.urlOf(ALERT_NOTICE_VARIABLE)),
    traces: presence(config.traces.endpoint),
    rulesFile: config.rulesFile,
    roles: config.tokens.map(({ role }) => role),
    toolTokens: config.toolTokens.map(({ name }) => name),
    retentionDays: config.ledger.retentionMs / 86_400_000,
  };
}
