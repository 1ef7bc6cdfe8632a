import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, notAcceptable, unauthorized } from "../protocol/faults.ts";
import { ATTEMPTS_MAX, type User } from "../store/accounts.ts";
import type { World } from "../world.ts";

const CHANNELS = ["sms", "totp", "whatsapp"];

/** E-mail address and password of a Basic header. */
function basicOf(header: string | undefined): { readonly email: string; readonly password: string } | undefined {
  const encoded = /^Basic\s+([A-Za-z0-9+/=]+)$/i.exec(header ?? "")?.[1];
  const [, email, password] = /^([^:]+):([\s\S]*)$/.exec(Buffer.from(encoded ?? "", "base64").toString("utf8")) ?? [];
  return email === undefined || password === undefined ? undefined : { email, password };
}

/** Signing in with a password, and the second factor. */
export function loginRoutes(world: World): readonly Route[] {
  const { accounts, knobs, ids, mails } = world;
  const codes = new Map<string, string>();

  const sendCode = (user: User): void => {
    const code = String(Number.parseInt(ids.hex(8), 16) % 1_000_000).padStart(6, "0");
    codes.set(user.id, code);
    mails.send({ to: user.email, kind: "two_factor", code });
  };
  const takeCode = (user: User, code: string): void => {
    if (codes.get(user.id) !== code) throw new ApiRefusal(401, 1650, "The code is wrong.");
    codes.delete(user.id);
  };
  const channelOf = (channel: string): string => {
    if (!CHANNELS.includes(channel)) throw notAcceptable(`Channels: ${CHANNELS.join(", ")}.`);
    return channel;
  };

  return [
    {
      method: "GET",
      path: "/user/auth/",
      dialect: "both",
      open: true,
      handle: (call) => {
        const basic = basicOf(call.request.headers.authorization);
        if (!basic) throw unauthorized();
        const outcome = accounts.login(basic.email, basic.password);
        switch (outcome.kind) {
          case "wrong":
            throw new ApiRefusal(401, 10008, "E-mail address or password is wrong.", {
              attempts_remaining: outcome.left,
              attempts_max: ATTEMPTS_MAX,
            });
          case "locked":
            throw new ApiRefusal(429, 10760, "Too many attempts; the account is locked for a while.", {
              retry_after_seconds: outcome.retryAfterSeconds,
            });
          case "in": {
            const limited = outcome.secrets.twoFactor?.enabled === true;
            if (limited) sendCode(outcome.user);
            const token = accounts.openSession(outcome.user, knobs.sessionSeconds, { limited });
            return ok({ expires_in: knobs.sessionSeconds, auth_token: token, "2factor": limited });
          }
          default:
            return outcome satisfies never;
        }
      },
    },
    {
      method: "POST",
      path: "/user/auth/2factor/auth/:code/",
      dialect: "both",
      handle: (call) => {
        const grant = accounts.grantOf(call.token);
        if (!grant?.limited) throw unauthorized();
        takeCode(grant.user, call.param("code"));
        accounts.signOut(call.token);
        const token = accounts.openSession(grant.user, knobs.sessionSeconds);
        return ok({ auth_token: token, expires_in: knobs.sessionSeconds });
      },
    },
    {
      method: "GET",
      path: "/user/auth/2factor/",
      dialect: "both",
      handle: (call) => {
        const { twoFactor } = accounts.secrets(call.user());
        const state = twoFactor === undefined ? "disabled" : twoFactor.enabled ? "enabled" : "unverified";
        return ok({ state, totp: twoFactor?.channel === "totp" });
      },
    },
    {
      method: "POST",
      path: "/user/auth/2factor/:channel/",
      dialect: "both",
      handle: (call) => {
        const user = call.user();
        const channel = channelOf(call.param("channel"));
        const secrets = accounts.secrets(user);
        if (secrets.twoFactor?.enabled) throw notAcceptable("The second factor is on already.");
        secrets.twoFactor = { channel, enabled: false };
        sendCode(user);
        const uri = `otpauth://totp/Fast.io:${encodeURIComponent(user.email)}?secret=${ids.token(32).toUpperCase()}`;
        return ok(channel === "totp" ? { binding_uri: uri } : {});
      },
    },
    {
      method: "POST",
      path: "/user/auth/2factor/verify/:code/",
      dialect: "both",
      handle: (call) => {
        const { twoFactor } = accounts.secrets(call.user());
        if (!twoFactor) throw notAcceptable("No second factor is being set up.");
        takeCode(call.user(), call.param("code"));
        twoFactor.enabled = true;
        return ok();
      },
    },
    {
      method: "GET",
      path: "/user/auth/2factor/send/:channel/",
      dialect: "both",
      handle: (call) => {
        channelOf(call.param("channel"));
        sendCode(call.user());
        return ok();
      },
    },
    {
      method: "DELETE",
      path: "/user/auth/2factor/:code/",
      dialect: "both",
      handle: (call) => {
        const secrets = accounts.secrets(call.user());
        if (!secrets.twoFactor) throw notAcceptable("The second factor is off.");
        takeCode(call.user(), call.param("code"));
        secrets.twoFactor = undefined;
        return ok();
      },
    },
  ];
}
