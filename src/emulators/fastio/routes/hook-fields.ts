import { isIP } from "node:net";
import { type Fields, readFields } from "../protocol/fields.ts";
import { type Hook, KEY_FORMS, SCHEMES, SHAPES } from "../store/hooks.ts";

export type HookFields = Partial<
  Pick<
    Hook,
    | "url"
    | "events"
    | "enabled"
    | "secret"
    | "scheme"
    | "shape"
    | "keyForm"
    | "description"
    | "rateLimitPerHour"
    | "familyAllowlist"
  >
>;

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const PRIVATE =
  /^(0\.|10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;

/** Why deliveries may not go to this URL; undefined when they may. */
function targetFault(text: string, allowedHosts: readonly string[]): string | undefined {
  const url = URL.parse(text);
  if (!url) return "The URL is not valid.";
  if (url.protocol !== "https:" && url.protocol !== "http:") return "Only https URLs are taken.";
  // An emulator delivers to the machine it runs on and to hosts it was told of; the real one does neither.
  if (LOOPBACK.test(url.hostname) || allowedHosts.includes(url.hostname)) return undefined;
  if (url.protocol !== "https:") return "Only https URLs are taken (http to this machine).";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 4 && PRIVATE.test(host)) return "Private and reserved addresses are refused.";
  if (isIP(host) === 6 && !/^[23]/.test(host)) return "Private and reserved addresses are refused.";
  return undefined;
}

/** Several spellings of one field under its first name. */
function unaliased(fields: Fields, aliases: Readonly<Record<string, readonly string[]>>): Fields {
  const all = new Map(fields);
  for (const [name, others] of Object.entries(aliases)) {
    const used = others.find((other) => all.has(other));
    if (!all.has(name) && used !== undefined) all.set(name, all.get(used));
  }
  return all;
}

function eventNames(value: unknown): readonly string[] | undefined {
  if (Array.isArray(value)) return value.every((one) => typeof one === "string") ? value : undefined;
  if (typeof value !== "string") return undefined;
  if (!value.trim().startsWith("["))
    return value
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
  try {
    return eventNames(JSON.parse(value));
  } catch {
    return undefined;
  }
}

const readFamilies = (value: unknown): readonly string[] | undefined => {
  const families = value === "" ? [] : eventNames(value);
  return families?.every((one) => /^[a-z0-9.-]+$/i.test(one)) ? families.map((one) => one.toLowerCase()) : undefined;
};

/** What made a workflow subscription had names and forms of its own, unlike the guide's surface, which nobody wrote down. */
export function checkSubscription(sent: Fields): void {
  const read = readFields(sent);
  read.required("target_url", { mistaken: ["url"] });
  const given = read.required("event_type_subscriptions", { mistaken: ["events", "event_types"] });
  if (given !== "" && !given.startsWith("[")) read.wrong("event_type_subscriptions", "This is a JSON list as text.");
  read.done();
}

/** Reads what both webhook surfaces take; `creating` makes the URL required. */
export function readHookFields(sent: Fields, creating: boolean, allowedHosts: readonly string[]): HookFields {
  const fields = unaliased(sent, {
    url: ["target_url", "endpoint", "callback_url"],
    events: ["event_types", "event_type_subscriptions"],
  });
  const read = readFields(fields);
  const url = creating ? read.required("url", { max: 2048 }) : read.optional("url", { max: 2048 });
  const fault = url ? targetFault(url, allowedHosts) : undefined;
  if (fault) read.wrong("url", fault);
  const events = fields.has("events") ? eventNames(fields.get("events")) : undefined;
  if (fields.has("events") && !events) read.wrong("events", "events is a list of names.");
  const familyAllowlist = fields.has("family_allowlist") ? readFamilies(fields.get("family_allowlist")) : undefined;
  if (fields.has("family_allowlist") && !familyAllowlist)
    read.wrong("family_allowlist", "family_allowlist is a list of host suffixes.");
  const found: { [Key in keyof HookFields]: HookFields[Key] | undefined } = {
    url,
    events: events?.includes("*") ? [] : events,
    enabled: read.bool("enabled"),
    secret: read.optional("secret", { min: 8, max: 256 }),
    scheme: read.choice("scheme", SCHEMES),
    shape: read.choice("shape", SHAPES),
    keyForm: read.choice("key_form", KEY_FORMS),
    description: read.optional("description", { max: 500 }),
    rateLimitPerHour: read.int("rate_limit_per_hour", 0, 1_000_000),
    familyAllowlist,
  };
  read.done();
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as HookFields;
}
