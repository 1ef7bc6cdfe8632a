import type { Clock } from "../../../clock.ts";
import type { IdSource } from "../protocol/ids.ts";

export type User = { readonly id: string; readonly email: string; readonly name: string };

/** People, their keys and the session tokens made of them. */
export type Accounts = {
  add(user: User, key: string): void;
  /** The owner of a key or of a live session token. */
  userOf(token: string): User | undefined;
  find(idOrEmail: string): User | undefined;
  /** A session token for a valid key. */
  exchange(key: string): { readonly token: string; readonly expiresIn: number } | undefined;
  /** Ends a session token; a key stays valid. */
  signOut(token: string): void;
};

export function createAccounts(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly sessionSeconds: number;
}): Accounts {
  const users = new Map<string, User>();
  const keys = new Map<string, User>();
  const sessions = new Map<string, { readonly user: User; readonly untilMs: number }>();
  return {
    add: (user, key) => {
      users.set(user.id, user);
      keys.set(key, user);
    },
    userOf: (token) => {
      const session = sessions.get(token);
      if (session && session.untilMs > deps.clock.now()) return session.user;
      return keys.get(token);
    },
    find: (idOrEmail) =>
      users.get(idOrEmail) ?? [...users.values()].find((user) => user.email.toLowerCase() === idOrEmail.toLowerCase()),
    exchange: (key) => {
      const user = keys.get(key);
      if (!user) return undefined;
      const token = `sess_${deps.ids.token(40)}`;
      sessions.set(token, { user, untilMs: deps.clock.now() + deps.sessionSeconds * 1000 });
      return { token, expiresIn: deps.sessionSeconds };
    },
    signOut: (token) => void sessions.delete(token),
  };
}
