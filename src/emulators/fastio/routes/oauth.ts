import { type Answer, ok, type Route } from "../http/route.ts";
import { readFields } from "../protocol/fields.ts";
import { formatTime } from "../protocol/times.ts";
import type { OauthSession } from "../store/oauth.ts";
import type { World } from "../world.ts";

const GRANTS = ["authorization_code", "refresh_token"] as const;

const sessionJson = (session: OauthSession, token: string): Record<string, unknown> => ({
  id: session.id,
  session_id: session.id,
  client_id: session.clientId,
  device_name: session.deviceName,
  agent_name: session.agentName,
  created: formatTime(session.createdMs),
  current: session.accessToken === token,
});

export function oauthRoutes(world: World): readonly Route[] {
  const { oauth, knobs } = world;

  // The only answer of this API without an envelope; its refusals have one.
  const tokens = (session: OauthSession): Answer => ({
    kind: "raw",
    payload: {
      access_token: session.accessToken,
      token_type: "Bearer",
      expires_in: knobs.sessionSeconds,
      refresh_token: session.refreshToken,
      scope: "user",
    },
  });

  return [
    {
      method: "GET",
      path: "/oauth/authorize/",
      dialect: "both",
      open: true,
      handle: (call) => {
        const read = readFields(call.query);
        const clientId = read.required("client_id", { max: 255 });
        if (read.required("response_type") !== "code") read.wrong("response_type", "Only code is served.");
        const challenge = read.required("code_challenge", { pattern: /^[A-Za-z0-9_-]{43}$/ });
        if (read.required("code_challenge_method") !== "S256")
          read.wrong("code_challenge_method", "Only S256 is served.");
        const state = read.required("state", { min: 8, max: 255 });
        const redirectUri = read.required("redirect_uri", { max: 2048 });
        if (redirectUri !== "" && !URL.canParse(redirectUri)) read.wrong("redirect_uri", "This is no address.");
        read.done();
        const request = oauth.begin({ clientId, challenge, state, redirectUri });
        if (call.query.get("response_format") === "json") return ok({ auth_request_id: request.id });
        return {
          kind: "redirect",
          status: 302,
          location: `${world.links.publicUrl}/connect?auth_request_id=${request.id}`,
        };
      },
    },
    {
      method: "POST",
      path: "/oauth/token/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const read = readFields(await call.form());
        read.required("grant_type");
        const grant = read.choice("grant_type", GRANTS);
        const clientId = read.required("client_id");
        if (grant === "refresh_token") {
          const token = read.required("refresh_token");
          read.done();
          return tokens(oauth.refresh(token, clientId));
        }
        const wish = {
          clientId,
          code: read.required("code"),
          verifier: read.required("code_verifier", { min: 43, max: 128 }),
          redirectUri: read.required("redirect_uri"),
          deviceName: read.optional("device_name", { max: 255 }) ?? "",
        };
        read.optional("device_type", { max: 64 });
        read.done();
        return tokens(oauth.redeem(wish));
      },
    },
    {
      method: "POST",
      path: "/oauth/revoke/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const read = readFields(await call.form());
        const token = read.required("token");
        read.done();
        oauth.revoke(token);
        return ok();
      },
    },
    {
      method: "GET",
      path: "/oauth/sessions/",
      dialect: "both",
      handle: (call) => ok({ sessions: oauth.list(call.user()).map((one) => sessionJson(one, call.token)) }),
    },
    {
      method: "DELETE",
      path: "/oauth/sessions/",
      dialect: "both",
      handle: (call) => {
        const read = readFields(call.query);
        const keep = read.bool("exclude_current") ?? false;
        const current = keep ? read.required("current_session_id") : undefined;
        read.done();
        oauth.endAll(call.user(), current);
        return ok();
      },
    },
    {
      method: "GET",
      path: "/oauth/sessions/:session/",
      dialect: "both",
      handle: (call) => ok({ session: sessionJson(oauth.get(call.user(), call.param("session")), call.token) }),
    },
    {
      method: "PATCH",
      path: "/oauth/sessions/:session/",
      dialect: "both",
      handle: async (call) => {
        const session = oauth.get(call.user(), call.param("session"));
        const read = readFields(await call.form());
        const deviceName = read.optional("device_name", { max: 255 });
        const agentName = read.optional("agent_name", { max: 255 });
        if (deviceName === undefined && agentName === undefined)
          read.wrong("device_name", "An update changes something.");
        read.done();
        Object.assign(session, deviceName !== undefined && { deviceName }, agentName !== undefined && { agentName });
        return ok({ session: sessionJson(session, call.token) });
      },
    },
    {
      method: "DELETE",
      path: "/oauth/sessions/:session/",
      dialect: "both",
      handle: (call) => {
        oauth.end(oauth.get(call.user(), call.param("session")));
        return ok();
      },
    },
  ];
}
