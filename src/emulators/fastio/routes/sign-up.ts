import { ok, type Route } from "../http/route.ts";
import { invalidField, notFound } from "../protocol/faults.ts";
import { type FieldReader, readFields } from "../protocol/fields.ts";
import type { User } from "../store/accounts.ts";
import type { World } from "../world.ts";
import { userJson } from "./accounts.ts";

const EMAIL = { max: 255, pattern: /^[^\s@]+@[^\s@]+\.[^\s@]+$/ } as const;
const PASSWORD = { min: 8, max: 128 } as const;

/** New accounts, their e-mail addresses and forgotten passwords. */
export function signUpRoutes(world: World): readonly Route[] {
  const { accounts, ids, mails } = world;
  const tokens = new Map<string, User>();
  const resets = new Map<string, User>();

  const readEmail = (read: FieldReader, name: string): string => read.required(name, EMAIL);
  const sendToken = (user: User): void => {
    const code = ids.token(32);
    tokens.set(code, user);
    mails.send({ to: user.email, kind: "verify_email", code });
  };
  const resetOf = (code: string): User => {
    const user = resets.get(code);
    if (!user) throw notFound("password code");
    return user;
  };

  return [
    {
      method: "POST",
      path: "/user/",
      dialect: "reference",
      open: true,
      handle: async (call) => {
        const read = readFields(await call.form());
        const email = readEmail(read, "email_address");
        const password = read.required("password", PASSWORD);
        read.required("tos_agree");
        if (read.bool("tos_agree") === false) read.wrong("tos_agree", "The terms have to be agreed to.");
        const names = [read.optional("first_name", { max: 100 }), read.optional("last_name", { max: 100 })];
        const agent = read.bool("agent") ?? false;
        if (email !== "" && accounts.find(email)) read.wrong("email_address", "The address has an account already.");
        read.done();
        const name = names.filter((one) => one !== undefined && one !== "").join(" ") || email;
        const user: User = { id: ids.profile("user"), email, name, agent };
        accounts.add(user, { password, verified: false });
        sendToken(user);
        return ok({ user: userJson(user) });
      },
    },
    {
      method: "POST",
      path: "/user/email/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const read = readFields(await call.form());
        const email = readEmail(read, "email");
        read.done();
        return ok({ email, available: accounts.find(email) === undefined });
      },
    },
    {
      method: "POST",
      path: "/user/email/validate/",
      dialect: "both",
      handle: async (call) => {
        const read = readFields(await call.form());
        const email = readEmail(read, "email");
        const token = read.optional("email_token");
        read.done();
        const user = call.user();
        if (user.email.toLowerCase() !== email.toLowerCase()) throw invalidField("email", "This is not your address.");
        if (token === undefined) sendToken(user);
        else if (tokens.get(token)?.id !== user.id) throw invalidField("email_token", "The token is not valid.");
        else accounts.secrets(user).verified = tokens.delete(token);
        return ok();
      },
    },
    {
      method: "POST",
      path: "/user/email/reset/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const read = readFields(await call.form());
        const user = accounts.find(readEmail(read, "email"));
        read.done();
        // The answer is the same for unknown addresses, so that nobody can ask who has an account.
        if (user) {
          const code = ids.token(32);
          resets.set(code, user);
          mails.send({ to: user.email, kind: "reset_password", code });
        }
        return ok();
      },
    },
    {
      method: "GET",
      path: "/user/password/:code/details/",
      dialect: "both",
      open: true,
      handle: (call) => ok({ email: resetOf(call.param("code")).email }),
    },
    {
      method: "POST",
      path: "/user/password/:code/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const user = resetOf(call.param("code"));
        const read = readFields(await call.form());
        const password = read.required("password1", PASSWORD);
        if (read.required("password2") !== password) read.wrong("password2", "The passwords differ.");
        read.done();
        resets.delete(call.param("code"));
        accounts.secrets(user).password = password;
        accounts.signOutEverywhere(user);
        return ok();
      },
    },
  ];
}
