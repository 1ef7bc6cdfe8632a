export type RedisHost = { readonly host: string; readonly port: number };

/** Files with certificates, in PEM. */
export type RedisTls = {
  /** Of the authority that signed the server's certificate. Default: those Node trusts, NODE_EXTRA_CA_CERTS among them. */
  readonly cacert?: string;
  /** What we show the server, where it asks. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the servers' certificates are to bear, where they are not reached by it. */
  readonly servername?: string;
};

/** Where a Redis or Valkey is. */
export type RedisAddress = {
  /** undefined: without TLS. */
  readonly tls: RedisTls | undefined;
  readonly username?: string;
  readonly password?: string;
} & (
  | { readonly kind: "single"; readonly host: RedisHost; readonly db: number }
  /** Any of its nodes; they tell of the others. */
  | { readonly kind: "cluster"; readonly nodes: readonly RedisHost[] }
  | {
      readonly kind: "sentinel";
      readonly sentinels: readonly RedisHost[];
      /** What the sentinels call the servers they watch. */
      readonly master: string;
      readonly db: number;
      readonly sentinelUsername?: string;
      readonly sentinelPassword?: string;
    }
);

const PARTS = /^redis(s?)(?:\+(cluster|sentinel))?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/;
const TLS_PARAMETERS = ["cacert", "cert", "key", "servername"] as const;
const SENTINEL_PARAMETERS = ["sentinelUsername", "sentinelPassword"] as const;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;

/**
 * Reads `redis://user:password@host:port/db`, `redis+cluster://host:port,host:port` and
 * `redis+sentinel://host:port,host:port/master/db`; each with `rediss` for TLS.
 * @returns what is wrong, in words that quote nothing of it, since it may hold a password
 */
export function readRedisUrl(url: string): RedisAddress | { readonly fault: string } {
  const parts = PARTS.exec(url);
  if (!parts) return { fault: "must be redis://…, redis+cluster://… or redis+sentinel://…, or with rediss for TLS" };
  const [, secure = "", kind = "single", authority = "", path = "", query = ""] = parts;
  const at = authority.lastIndexOf("@");
  const login = readLogin(authority.slice(0, Math.max(0, at)));
  const hosts = readHosts(authority.slice(at + 1), kind === "sentinel" ? SENTINEL_PORT : REDIS_PORT);
  const parameters = readParameters(query, kind);
  if ("fault" in login) return login;
  if ("fault" in hosts) return hosts;
  if ("fault" in parameters) return parameters;
  const { own, files } = parameters;
  if (secure === "" && Object.keys(files).length > 0)
    return { fault: `has ${TLS_PARAMETERS.join(", ")} for TLS alone: begin it with rediss` };
  if ((files.cert === undefined) !== (files.key === undefined)) return { fault: "must have cert and key together" };
  const common = { tls: secure === "" ? undefined : files, ...login };

  const places = path.split("/");
  const [host, ...others] = hosts;
  if (kind === "cluster") {
    if (path !== "") return { fault: "must end after its hosts: a cluster has no numbered databases" };
    return { kind, nodes: hosts, ...common };
  }
  if (kind === "sentinel") {
    const [master = "", number, ...rest] = places;
    const db = readDatabase(number);
    if (!/^[\w.-]+$/.test(master))
      return { fault: "must name the master as its sentinels do: redis+sentinel://host:26379/mymaster" };
    if (db === undefined || rest.length > 0) return { fault: "must have the number of a database after the master" };
    return { kind, sentinels: hosts, master, db, ...own, ...common };
  }
  const db = readDatabase(path);
  if (!host || others.length > 0)
    return { fault: "must have one host; several are for redis+cluster:// or redis+sentinel://" };
  if (db === undefined) return { fault: "must have the number of a database after the host, or nothing" };
  return { kind: "single", host, db, ...common };
}

type Fault = { readonly fault: string };

function readLogin(text: string): { readonly username?: string; readonly password?: string } | Fault {
  const [name = "", ...rest] = text.split(":");
  try {
    const username = decodeURIComponent(name);
    const password = decodeURIComponent(rest.join(":"));
    return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
  } catch {
    return { fault: "must have the % in its user or password written as %25" };
  }
}

function readHosts(text: string, defaultPort: number): readonly RedisHost[] | Fault {
  const hosts: RedisHost[] = [];
  for (const part of text.split(",")) {
    const [, host = "", port] = HOST.exec(part) ?? [];
    const number = port === undefined ? defaultPort : Number(port);
    if (host === "") return { fault: "must name its hosts as host:port, separated by commas" };
    if (number < 1 || number > 65_535) return { fault: "must have ports from 1 to 65535" };
    hosts.push({ host: host.replace(/^\[|\]$/g, ""), port: number });
  }
  return hosts;
}

/** None is the first. */
function readDatabase(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return 0;
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

function readParameters(
  query: string,
  kind: string,
): { readonly own: Readonly<Record<string, string>>; readonly files: RedisTls } | Fault {
  const known: readonly string[] = [...TLS_PARAMETERS, ...(kind === "sentinel" ? SENTINEL_PARAMETERS : [])];
  const given = [...new URLSearchParams(query)];
  if (given.some(([name, value]) => !known.includes(name) || value === ""))
    return { fault: `must have no parameters but ${known.join(", ")}, each with a value` };
  const pick = (names: readonly string[]) => Object.fromEntries(given.filter(([name]) => names.includes(name)));
  return { own: pick(SENTINEL_PARAMETERS), files: pick(TLS_PARAMETERS) };
}
