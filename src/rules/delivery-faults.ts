import { findShareFaults, type ShareFault } from "../fastio/share-rules.ts";
import { storageOfDelivery } from "./delivery-storage.ts";
import type { RuleDeliver } from "./rule.ts";
import type { RuleFault } from "./rule-fault.ts";

/** Keys that a delivery of each kind has no use for. */
const USELESS: Readonly<Record<RuleDeliver["as"], readonly (keyof RuleDeliver)[]>> = {
  share: [],
  "drop-off": ["passwordVariable"],
  workspace: [
    "passwordVariable",
    "expiresAfterMs",
    "storage",
    "branding",
    "notify",
    "comments",
    "downloadSecurity",
    "message",
    "description",
  ],
  "file-share": ["storage", "branding", "notify", "comments", "downloadSecurity", "message", "description"],
};

/** Names in the file of keys whose values carry units or say what they hold. */
const WRITTEN: Readonly<Record<string, string>> = { passwordVariable: "password", expiresAfterMs: "expires" };

/** What of the file breaks each of Fast.io's rules; the others are seen to elsewhere, with texts filled in. */
const KEYS: Readonly<Partial<Record<ShareFault["rule"], string>>> = {
  share_option_link_needs_send: "access",
  share_option_password_needs_link: "password",
};

/** What Fast.io does not allow of a delivery, and what makes no sense of it. */
export function deliveryFaults(deliver: RuleDeliver): RuleFault[] {
  const { as, type, access, storage, invite } = deliver;
  const faults: RuleFault[] = [];
  const refuse = (key: string, message: string) => faults.push({ path: ["deliver", key], message });
  for (const key of USELESS[as]) {
    if (deliver[key] !== undefined) refuse(WRITTEN[key] ?? key, `means nothing with as: ${as}; remove it`);
  }
  if ((as === "workspace" || as === "file-share") && type !== "send")
    refuse("type", `means nothing with as: ${as}: only shares have one`);
  switch (as) {
    case "workspace":
      if (invite.length > 0) refuse("invite", "means nothing with as: workspace: there is no share to invite to");
      return faults;
    case "file-share":
      if (access === "org")
        refuse("access", '"org" is not possible with as: file-share; Fast.io knows link, registered and named there');
      if ((deliver.outputs?.length ?? 0) > 1)
        refuse("outputs", "names more than one output, and a file share leads to one");
      return faults;
    case "drop-off":
      if (storage === "own") refuse("storage", '"own" is not possible with as: drop-off: it shows the folder itself');
      if (access !== "named") refuse("access", 'must be "named" with as: drop-off: only the people invited get in');
      if (invite.length === 0) refuse("as", '"drop-off" needs invite: without it nobody gets in');
      return faults;
    case "share":
      return [...faults, ...shareFaults(deliver)];
    default:
      return as satisfies never;
  }
}

/** Fast.io's own rules, with something in the place of what is known only when a share is made. */
function shareFaults(deliver: RuleDeliver): RuleFault[] {
  const { type, access, passwordVariable } = deliver;
  const share = { type, access, storage: storageOfDelivery(deliver) };
  const password = passwordVariable === undefined ? undefined : "known at the start";
  // An end is no matter here: where Fast.io does not take one, the relay sees to it.
  return findShareFaults({ ...share, password }, 0).flatMap(({ rule, says }) => {
    const key = KEYS[rule];
    return key === undefined ? [] : [{ path: ["deliver", key], message: `is refused by Fast.io: ${says}` }];
  });
}
