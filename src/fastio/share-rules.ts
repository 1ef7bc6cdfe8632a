import type { MemberPermission, ShareOptions } from "./ports/shares.ts";

/** Characters, as Fast.io's command line client documents them. */
export const SHARE_TITLE_CHARS = { min: 2, max: 80 } as const;
export const SHARE_DESCRIPTION_CHARS = { min: 10, max: 500 } as const;

/** What people are let in as: who only looks cannot hand anything in. */
export const guestPermissionOf = (type: ShareOptions["type"]): MemberPermission => (type === "send" ? "view" : "guest");

/** A rule of Fast.io's that a share would break; `rule` is a stable name. */
export type ShareFault = { readonly rule: `share_option_${string}`; readonly says: string };

/** What is checked: options, and where the files of the share are. Clearing (`null`) breaks no rule. */
export type ShareToCheck = {
  readonly [Key in keyof ShareOptions]?: ShareOptions[Key] | null | undefined;
} & {
  readonly storage: "folder" | "own";
};

const within = (text: string, { min, max }: { readonly min: number; readonly max: number }): boolean => {
  const length = [...text].length;
  return length >= min && length <= max;
};

/**
 * Fast.io's documented rules about what a share may be, before it is asked: it would refuse with a field name at best.
 * @param nowMs milliseconds since the Unix epoch
 */
export function findShareFaults(share: ShareToCheck, nowMs: number): readonly ShareFault[] {
  const faults: ShareFault[] = [];
  const refuse = (rule: ShareFault["rule"], says: string, broken: boolean): void => {
    if (broken) faults.push({ rule, says });
  };
  const { title, description, customName, password, expiresAtMs, backgroundImage, links } = share;
  const openToAnyone = share.type === "send" && share.access === "link";
  const given = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null;

  refuse(
    "share_option_title_length",
    "a title has 2 to 80 characters",
    given(title) && !within(title, SHARE_TITLE_CHARS),
  );
  refuse(
    "share_option_description_length",
    "a description has 10 to 500 characters",
    given(description) && !within(description, SHARE_DESCRIPTION_CHARS),
  );
  refuse(
    "share_option_custom_name_form",
    "a custom name has 10 to 100 letters, digits and hyphens",
    given(customName) && !/^[A-Za-z0-9-]{10,100}$/.test(customName),
  );
  refuse(
    "share_option_link_needs_send",
    "only send shares may be open to anyone with the link",
    share.access === "link" && share.type !== undefined && share.type !== "send",
  );
  refuse("share_option_password_empty", "a password is not empty", password === "");
  refuse(
    "share_option_password_needs_link",
    "a password needs a send share that is open to anyone with the link",
    given(password) && !openToAnyone,
  );
  refuse(
    "share_option_expiry_needs_own_storage",
    "a share that shows a folder does not expire; one with storage of its own may",
    given(expiresAtMs) && share.storage === "folder",
  );
  refuse(
    "share_option_expiry_past",
    "the expiry lies in the past",
    given(expiresAtMs) && !(Number.isFinite(expiresAtMs) && expiresAtMs > nowMs),
  );
  refuse(
    "share_option_intelligence_needs_own_storage",
    "a share that shows a folder has no intelligence of its own",
    share.intelligence === true && share.storage === "folder",
  );
  refuse(
    "share_option_background_image_range",
    "background images are numbered 0 to 128",
    given(backgroundImage) && !(Number.isInteger(backgroundImage) && backgroundImage >= 0 && backgroundImage <= 128),
  );
  refuse("share_option_links_count", "a share shows at most three links", given(links) && links.length > 3);
  return faults;
}
