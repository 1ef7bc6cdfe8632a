import type { Clock } from "../../../clock.ts";
import type { IdSource } from "../protocol/ids.ts";
import { makeJwt } from "../protocol/jwt.ts";

export type User = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  /** Agent accounts may hand an organisation over. */
  readonly agent: boolean;
};

/** What only its owner and the server know of an account. */
export type Secrets = {
  password: string;
  /** Unverified accounts may do little. */
  verified: boolean;
  twoFactor: { readonly channel: string; enabled: boolean } | undefined;
};

export type ApiKey = {
  readonly id: string;
  readonly key: string;
  readonly userId: string;
  memo: string | undefined;
  scopes: readonly string[] | undefined;
  agentName: string | undefined;
  readonly createdMs: number;
  expiresMs: number | undefined;
};

/** Who stands behind a token, and what the token is good for. */
export type Grant = {
  readonly user: User;
  /** `workspace:123:r` and the like; undefined for everything the user may do. */
  readonly scopes: readonly string[] | undefined;
  /** Good for the second factor only. */
  readonly limited: boolean;
  readonly via: "key" | "session";
};

export type LoginOutcome =
  | { readonly kind: "in"; readonly user: User; readonly secrets: Secrets }
  | { readonly kind: "wrong"; readonly left: number }
  | { readonly kind: "locked"; readonly retryAfterSeconds: number };

export const ATTEMPTS_MAX = 5;
const LOCKED_MS = 30 * 60_000;

/** People, their keys and the tokens made of them. */
export type Accounts = {
  add(user: User, options: { readonly key?: string; readonly password?: string; readonly verified?: boolean }): void;
  find(idOrEmail: string): User | undefined;
  secrets(user: User): Secrets;
  /** The owner of a key or of a live session token, second factor done. */
  userOf(token: string): User | undefined;
  grantOf(token: string): Grant | undefined;
  /** The share a live guest token is for. */
  guestShareOf(token: string): string | undefined;
  /** Counts wrong passwords; five of them lock the account for half an hour. */
  login(email: string, password: string): LoginOutcome;
  /** A session token that lives `seconds`. */
  openSession(user: User, seconds: number, options?: { readonly limited?: boolean; readonly prefix?: string }): string;
  openGuest(shareId: string, seconds: number): string;
  /** A session token for a valid key. */
  exchange(key: string): { readonly token: string; readonly expiresIn: number } | undefined;
  /** Ends a session token; a key stays valid. */
  signOut(token: string): void;
  signOutEverywhere(user: User): void;
  addKey(user: User, wish: Pick<ApiKey, "memo" | "scopes" | "agentName" | "expiresMs">): ApiKey;
  keysOf(user: User): readonly ApiKey[];
  removeKey(key: ApiKey): void;
};

export function createAccounts(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly sessionSeconds: () => number;
}): Accounts {
  const { clock, ids } = deps;
  const jwtKey = ids.hex(64);
  const users = new Map<string, { readonly user: User; readonly secrets: Secrets }>();
  const keys = new Map<string, ApiKey>();
  const sessions = new Map<string, { readonly user: User; readonly untilMs: number; readonly limited: boolean }>();
  const guests = new Map<string, { readonly shareId: string; readonly untilMs: number }>();
  const failures = new Map<string, { count: number; lockedUntilMs: number }>();

  const entryOf = (idOrEmail: string) =>
    users.get(idOrEmail) ??
    [...users.values()].find(({ user }) => user.email.toLowerCase() === idOrEmail.toLowerCase());
  const jwt = (claims: Readonly<Record<string, unknown>>, untilMs: number): string =>
    makeJwt(jwtKey, { ...claims, exp: Math.floor(untilMs / 1000), jti: ids.token(16) });
  const liveKey = (key: string): ApiKey | undefined => {
    const found = keys.get(key);
    return found && (found.expiresMs === undefined || found.expiresMs > clock.now()) ? found : undefined;
  };
  const grantOf: Accounts["grantOf"] = (token) => {
    const session = sessions.get(token);
    if (session)
      return session.untilMs > clock.now()
        ? { user: session.user, scopes: undefined, limited: session.limited, via: "session" }
        : undefined;
    const key = liveKey(token);
    const owner = key && users.get(key.userId)?.user;
    return owner ? { user: owner, scopes: key.scopes, limited: false, via: "key" } : undefined;
  };
  const openSession: Accounts["openSession"] = (user, seconds, { limited = false, prefix } = {}) => {
    const untilMs = clock.now() + seconds * 1000;
    const token = prefix === undefined ? jwt({ sub: user.id, limited }, untilMs) : prefix + ids.token(40);
    sessions.set(token, { user, untilMs, limited });
    return token;
  };
  const insertKey = (key: ApiKey): ApiKey => {
    keys.set(key.key, key);
    return key;
  };
  const keyRow = (user: User, key: string): ApiKey => ({
    id: ids.opaque("d"),
    key,
    userId: user.id,
    memo: undefined,
    scopes: undefined,
    agentName: undefined,
    createdMs: clock.now(),
    expiresMs: undefined,
  });

  return {
    add: (user, { key, password = ids.token(24), verified = true }) => {
      users.set(user.id, { user, secrets: { password, verified, twoFactor: undefined } });
      if (key !== undefined) insertKey(keyRow(user, key));
    },
    find: (idOrEmail) => entryOf(idOrEmail)?.user,
    secrets: (user) => {
      const entry = users.get(user.id);
      if (!entry) throw new Error(`there is no user ${user.id}`);
      return entry.secrets;
    },
    userOf: (token) => {
      const grant = grantOf(token);
      return grant?.limited ? undefined : grant?.user;
    },
    grantOf,
    guestShareOf: (token) => {
      const guest = guests.get(token);
      return guest && guest.untilMs > clock.now() ? guest.shareId : undefined;
    },
    login: (email, password) => {
      const name = email.toLowerCase();
      const before = failures.get(name);
      const now = clock.now();
      if (before && before.lockedUntilMs > now)
        return { kind: "locked", retryAfterSeconds: Math.ceil((before.lockedUntilMs - now) / 1000) };
      const entry = entryOf(email);
      if (entry && entry.secrets.password === password) {
        failures.delete(name);
        return { kind: "in", ...entry };
      }
      const count = (before && before.lockedUntilMs === 0 ? before.count : 0) + 1;
      failures.set(name, { count, lockedUntilMs: count >= ATTEMPTS_MAX ? now + LOCKED_MS : 0 });
      return { kind: "wrong", left: ATTEMPTS_MAX - count };
    },
    openSession,
    openGuest: (shareId, seconds) => {
      const untilMs = clock.now() + seconds * 1000;
      const token = jwt({ scope: `share:${shareId}:r` }, untilMs);
      guests.set(token, { shareId, untilMs });
      return token;
    },
    exchange: (key) => {
      const owner = users.get(liveKey(key)?.userId ?? "")?.user;
      if (!owner) return undefined;
      const expiresIn = deps.sessionSeconds();
      return { token: openSession(owner, expiresIn, { prefix: "sess_" }), expiresIn };
    },
    signOut: (token) => void sessions.delete(token),
    signOutEverywhere: (user) => {
      for (const [token, session] of sessions) if (session.user.id === user.id) sessions.delete(token);
    },
    addKey: (user, wish) => insertKey({ ...keyRow(user, `fk_${ids.token(40)}`), ...wish }),
    keysOf: (user) => [...keys.values()].filter((key) => key.userId === user.id),
    removeKey: (key) => void keys.delete(key.key),
  };
}
