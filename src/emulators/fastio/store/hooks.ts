import type { Clock } from "../../../clock.ts";
import { notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";

/** Signature schemes people have described for Fast.io; nobody official says which one is real. */
export const SCHEMES = ["D1", "D2", "D3", "standard", "none"] as const;
export type Scheme = (typeof SCHEMES)[number];
/** Payload shapes: P1 dotted names, P2 event object, P3 camelCase, P12 several events at once. */
export const SHAPES = ["P1", "P2", "P3", "P12"] as const;
export type Shape = (typeof SHAPES)[number];
/** What a `whsec_` secret means as a key: its text, or the bytes written after the prefix. */
export const KEY_FORMS = ["literal", "decoded"] as const;
export type KeyForm = (typeof KEY_FORMS)[number];

export type Hook = {
  readonly id: string;
  readonly workspaceId: string;
  readonly creator: string;
  readonly createdMs: number;
  url: string;
  /** Names it wants; empty means all. */
  events: readonly string[];
  enabled: boolean;
  secret: string;
  /** The secret before the last rotation. */
  previousSecret: string | undefined;
  /** Deliveries begun per hour; 0 for no cap. Those above it wait. */
  rateLimitPerHour: number;
  /** Host suffixes deliveries may go to; empty for all. */
  familyAllowlist: readonly string[];
  scheme: Scheme;
  shape: Shape;
  keyForm: KeyForm;
  description: string | undefined;
};

export type HookStore = {
  create(
    wish: Omit<Hook, "id" | "createdMs" | "secret" | "previousSecret"> & { readonly secret: string | undefined },
  ): Hook;
  /** @throws {ApiRefusal} 404 */
  get(id: string): Hook;
  find(id: string): Hook | undefined;
  list(workspaceId: string): readonly Hook[];
  all(): readonly Hook[];
  rotate(hook: Hook): void;
  remove(hook: Hook): void;
};

export function createHookStore(deps: { readonly clock: Clock; readonly ids: IdSource }): HookStore {
  const hooks = new Map<string, Hook>();
  const newSecret = (scheme: Scheme): string =>
    scheme === "D3" || scheme === "standard"
      ? `whsec_${Buffer.from(deps.ids.hex(64), "hex").toString("base64")}`
      : deps.ids.hex(64);
  const find = (id: string): Hook | undefined => hooks.get(idKey(id));
  return {
    create: (wish) => {
      const hook: Hook = {
        ...wish,
        id: deps.ids.opaque("wm"),
        createdMs: deps.clock.now(),
        previousSecret: undefined,
        secret: wish.secret ?? newSecret(wish.scheme),
      };
      hooks.set(idKey(hook.id), hook);
      return hook;
    },
    find,
    get: (id) => {
      const hook = find(id);
      if (!hook) throw notFound("webhook");
      return hook;
    },
    list: (workspaceId) => [...hooks.values()].filter((hook) => hook.workspaceId === workspaceId),
    all: () => [...hooks.values()],
    rotate: (hook) => {
      hook.previousSecret = hook.secret;
      hook.secret = newSecret(hook.scheme);
    },
    remove: (hook) => void hooks.delete(idKey(hook.id)),
  };
}

/** Whether a webhook may deliver to the host of its URL. */
export function isFamily(url: string, allowlist: readonly string[]): boolean {
  const host = URL.parse(url)?.hostname ?? "";
  return allowlist.length === 0 || allowlist.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}
