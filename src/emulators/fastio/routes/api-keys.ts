import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type FieldReader, type Fields, readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { formatTime } from "../protocol/times.ts";
import type { ApiKey, User } from "../store/accounts.ts";
import type { World } from "../world.ts";

const SCOPE =
  /^((user|org|workspace|all_orgs|all_workspaces|all_shares|all_sign_envelopes)(:(r|rw|rwa))?|(org|workspace|share):[a-z0-9-]+:(r|rw|rwa))$/;

/** A key without its secret part. */
const keyJson = (key: ApiKey): Record<string, unknown> => ({
  id: key.id,
  memo: key.memo ?? null,
  scopes: key.scopes ?? null,
  agent_name: key.agentName ?? null,
  created: formatTime(key.createdMs),
  expires: key.expiresMs === undefined ? null : formatTime(key.expiresMs),
  last_four: key.key.slice(-4),
});

function readScopes(read: FieldReader): readonly string[] | undefined {
  const value = read.json("scopes");
  if (value === undefined) return undefined;
  if (Array.isArray(value) && value.every((one) => typeof one === "string" && SCOPE.test(one))) return value;
  read.wrong("scopes", 'scopes is a JSON array such as ["workspace:123:rw"].');
  return undefined;
}

const readKeyFields = (fields: Fields) => {
  const read = readFields(fields);
  const wish = {
    memo: read.optional("memo", { max: 255 }),
    scopes: readScopes(read),
    agentName: read.optional("agent_name", { max: 128 }),
    expiresMs: read.time("expires"),
  };
  read.done();
  return wish;
};

/** A new key for its caller. @throws {ApiRefusal} 403 when a narrowed key asks for more than it may */
export function createKey(world: World, user: User, token: string, fields: Fields): Answer {
  if (world.accounts.grantOf(token)?.scopes)
    throw new ApiRefusal(403, 10768, "A narrowed key makes no keys.", { reason: "scope_exceeds_issuer" });
  const key = world.accounts.addKey(user, readKeyFields(fields));
  return ok({ api_key: key.key, id: key.id });
}

export function apiKeyRoutes(world: World): readonly Route[] {
  const mine = (call: Call): ApiKey => {
    const key = world.accounts.keysOf(call.user()).find((one) => idKey(one.id) === idKey(call.param("key")));
    if (!key) throw notFound("key");
    return key;
  };
  return [
    {
      method: "GET",
      path: "/user/auth/keys/",
      dialect: "both",
      handle: (call) => {
        const keys = world.accounts.keysOf(call.user());
        return ok({ results: keys.length, api_keys: keys.length === 0 ? null : keys.map(keyJson) });
      },
    },
    {
      method: "GET",
      path: "/user/auth/key/:key/",
      dialect: "both",
      handle: (call) => ok({ api_key: keyJson(mine(call)) }),
    },
    {
      method: "POST",
      path: "/user/auth/key/:key/",
      dialect: "both",
      handle: async (call) => {
        const key = mine(call);
        const fields = await call.form();
        const wish = readKeyFields(fields);
        if (fields.has("memo")) key.memo = wish.memo;
        if (fields.has("agent_name")) key.agentName = wish.agentName;
        if (fields.has("scopes")) key.scopes = wish.scopes;
        if (fields.has("expires")) key.expiresMs = wish.expiresMs;
        return ok({ api_key: keyJson(key) });
      },
    },
    {
      method: "DELETE",
      path: "/user/auth/key/:key/",
      dialect: "both",
      handle: (call) => {
        world.accounts.removeKey(mine(call));
        return ok();
      },
    },
  ];
}
