import { createHash } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import type { Accounts, User } from "./accounts.ts";

const REQUEST_MS = 10 * 60_000;
const CODE_MS = 5 * 60_000;

export type AuthRequest = {
  readonly id: string;
  readonly clientId: string;
  readonly challenge: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly untilMs: number;
};
type Code = { readonly request: AuthRequest; readonly user: User; readonly untilMs: number };

/** A device that was let in. */
export type OauthSession = {
  readonly id: string;
  readonly user: User;
  readonly clientId: string;
  readonly refreshToken: string;
  deviceName: string;
  agentName: string;
  readonly createdMs: number;
  /** The access token given out last. */
  accessToken: string;
};

export type OauthStore = {
  begin(wish: Omit<AuthRequest, "id" | "untilMs">): AuthRequest;
  /** @throws {ApiRefusal} 404 */
  request(id: string): AuthRequest;
  /** The code the user carries back. */
  approve(request: AuthRequest, user: User): string;
  /** @throws {ApiRefusal} 400 when code, verifier, client or redirect do not belong together */
  redeem(wish: {
    readonly code: string;
    readonly verifier: string;
    readonly clientId: string;
    readonly redirectUri: string;
    readonly deviceName: string;
  }): OauthSession;
  /** A new access token in the session. @throws {ApiRefusal} 401 */
  refresh(refreshToken: string, clientId: string): OauthSession;
  list(user: User): readonly OauthSession[];
  /** @throws {ApiRefusal} 404 */
  get(user: User, id: string): OauthSession;
  end(session: OauthSession): void;
  /** Ends every session but the one named. */
  endAll(user: User, exceptId: string | undefined): void;
  revoke(refreshToken: string): void;
};

const challengeOf = (verifier: string): string => createHash("sha256").update(verifier).digest("base64url");
const invalidGrant = (text: string): ApiRefusal => new ApiRefusal(400, 1605, text, { reason: "invalid_grant" });

/** Signing in by OAuth 2 with PKCE (S256), as a command line does it. */
export function createOauthStore(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly accounts: Accounts;
  readonly sessionSeconds: () => number;
}): OauthStore {
  const { clock, ids, accounts } = deps;
  const requests = new Map<string, AuthRequest>();
  const codes = new Map<string, Code>();
  const sessions = new Map<string, OauthSession>();

  const end = (session: OauthSession): void => {
    accounts.signOut(session.accessToken);
    sessions.delete(idKey(session.id));
  };
  const byRefresh = (token: string): OauthSession | undefined =>
    [...sessions.values()].find((one) => one.refreshToken === token);

  return {
    begin: (wish) => {
      const request: AuthRequest = { ...wish, id: ids.token(32), untilMs: clock.now() + REQUEST_MS };
      requests.set(request.id, request);
      return request;
    },
    request: (id) => {
      const request = requests.get(id);
      if (!request || request.untilMs <= clock.now()) throw notFound("authorization request");
      return request;
    },
    approve: (request, user) => {
      const code = ids.token(40);
      codes.set(code, { request, user, untilMs: clock.now() + CODE_MS });
      requests.delete(request.id);
      return code;
    },
    redeem: ({ code, verifier, clientId, redirectUri, deviceName }) => {
      const found = codes.get(code);
      codes.delete(code);
      if (!found || found.untilMs <= clock.now()) throw invalidGrant("The code is not valid.");
      if (found.request.clientId !== clientId) throw invalidGrant("The code is for another client.");
      if (found.request.redirectUri !== redirectUri) throw invalidGrant("The redirect address is another one.");
      if (challengeOf(verifier) !== found.request.challenge) throw invalidGrant("The code verifier does not fit.");
      const session: OauthSession = {
        id: ids.opaque("a"),
        user: found.user,
        clientId,
        refreshToken: `rt_${ids.token(48)}`,
        deviceName,
        agentName: "",
        createdMs: clock.now(),
        accessToken: accounts.openSession(found.user, deps.sessionSeconds()),
      };
      sessions.set(idKey(session.id), session);
      return session;
    },
    refresh: (refreshToken, clientId) => {
      const session = byRefresh(refreshToken);
      if (session?.clientId !== clientId) throw new ApiRefusal(401, 1650, "The refresh token is not valid.");
      accounts.signOut(session.accessToken);
      session.accessToken = accounts.openSession(session.user, deps.sessionSeconds());
      return session;
    },
    list: (user) => [...sessions.values()].filter((one) => one.user.id === user.id),
    get: (user, id) => {
      const session = sessions.get(idKey(id));
      if (session?.user.id !== user.id) throw notFound("session");
      return session;
    },
    end,
    endAll: (user, exceptId) => {
      for (const session of [...sessions.values()])
        if (session.user.id === user.id && (exceptId === undefined || idKey(session.id) !== idKey(exceptId)))
          end(session);
    },
    revoke: (refreshToken) => {
      const session = byRefresh(refreshToken);
      if (session) end(session);
    },
  };
}
