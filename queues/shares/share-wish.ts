import { PermanentError } from "../../src/errors.ts";
import type { ShareOptions } from "../../src/fastio/types.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import type { RuleBranding, RuleDeliver } from "../../src/rules/rule.ts";
import { deliveryOf } from "../render-for-run.ts";

/** The value of the variable that a rule names for its password; undefined when it is not set. */
export type PasswordOf = (variable: string) => string | undefined;

const NOTIFY = { never: "never", received: "received", "sent-or-received": "sent_or_received" } as const;

/** What the rule wants of its share, how it looks left out. The password is in here and nowhere else: keep it short-lived. */
export function shareOptionsOf(run: RunRow, passwordOf: PasswordOf): ShareOptions {
  const { deliver } = run.rule;
  const { title, description } = deliveryOf(run);
  return {
    title,
    description,
    type: deliver.type,
    access: deliver.access,
    password: passwordFor(deliver, passwordOf),
    notify: deliver.notify && NOTIFY[deliver.notify],
    comments: deliver.comments,
    downloadSecurity: deliver.downloadSecurity,
  };
}

export type ShareLooks = Pick<ShareOptions, "colors" | "backgroundImage" | "workspaceStyle" | "links">;

/** How the share looks. Fast.io's colours are objects of their hexadecimal form. */
export function shareLooksOf({ accent, background, picture, likeWorkspace, links }: RuleBranding): ShareLooks {
  const [background1, background2] = background ?? [];
  const colour = (hex: string | undefined) => (hex === undefined ? undefined : { hex });
  return {
    colors: { accent: colour(accent), background1: colour(background1), background2: colour(background2) },
    backgroundImage: picture,
    workspaceStyle: likeWorkspace,
    links,
  };
}

/** @throws {PermanentError} misconfigured when the rule names a variable that is not set */
export function passwordFor(
  { passwordVariable }: Pick<RuleDeliver, "passwordVariable">,
  passwordOf: PasswordOf,
): string | undefined {
  if (passwordVariable === undefined) return undefined;
  const password = passwordOf(passwordVariable);
  if (password !== undefined) return password;
  throw new PermanentError(
    "config_invalid",
    `the variable ${passwordVariable}, which should hold the share's password, is not set`,
    {
      failure: "misconfigured",
      nextAction: `set ${passwordVariable} and start the relay again, then resume the rule`,
    },
  );
}
