import type { Bucket } from "./buckets.ts";
import type { Call } from "./call.ts";

/** What a route answers; the envelope is put around it later. */
export type Answer =
  | { readonly kind: "ok"; readonly payload: Readonly<Record<string, unknown>>; readonly status?: number }
  /** A failure with a payload of its own, as the bulk details have. */
  | { readonly kind: "failed"; readonly payload: Readonly<Record<string, unknown>>; readonly status: number }
  /** JSON without the envelope, as token and cancel answers have it. */
  | { readonly kind: "raw"; readonly payload: Readonly<Record<string, unknown>>; readonly status?: number }
  /** Bytes of a stored file. */
  | { readonly kind: "bytes"; readonly file: FileAnswer; readonly headers?: Readonly<Record<string, string>> }
  /** A body made while it is sent. */
  | { readonly kind: "stream"; readonly headers: Readonly<Record<string, string>>; readonly body: Chunks }
  | { readonly kind: "redirect"; readonly location: string; readonly status: 302 | 307 };

export type Chunks = AsyncIterable<Uint8Array | string>;

export type FileAnswer = {
  readonly key: string;
  readonly size: number;
  readonly name: string;
  readonly mimetype: string;
  /** Entity tag without quotes. */
  readonly tag: string;
};

export type Route = {
  readonly method: string;
  /** Segments with `:name` for parameters; trailing slashes do not matter. */
  readonly path: string;
  /**
   * Who speaks it. `reference` and `guide` are the routes that exist in both dialects under different paths;
   * `both` also covers what the guide never mentions, since a server has to have it somewhere.
   */
  readonly dialect: "both" | "reference" | "guide";
  /** Answers without a credential. */
  readonly open?: boolean;
  /** Needs a credential but no membership in the profile its path names, such as joining. */
  readonly stranger?: boolean;
  /** Changes something that viewers and guests may change too, such as leaving or asking. */
  readonly readers?: boolean;
  /** A rate limit this route shares with others, beside the common one; counted when the knob says so. */
  readonly bucket?: Bucket;
  /** Uses up credits. */
  readonly costs?: boolean;
  readonly handle: (call: Call) => Answer | Promise<Answer>;
};

export const ok = (payload: Readonly<Record<string, unknown>> = {}, status = 200): Answer => ({
  kind: "ok",
  payload,
  status,
});

const segmentsOf = (path: string): readonly string[] => path.split("/").filter((segment) => segment !== "");

export type Found = { readonly route: Route; readonly params: ReadonlyMap<string, string> };

/** Finds the route of a path; literal segments win over parameters. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Found | undefined {
  const bySize = new Map<string, { readonly route: Route; readonly segments: readonly string[] }[]>();
  const literals = (segments: readonly string[]): number => segments.filter((one) => !one.startsWith(":")).length;
  for (const route of routes) {
    const segments = segmentsOf(route.path);
    const key = `${route.method} ${segments.length}`;
    bySize.set(key, [...(bySize.get(key) ?? []), { route, segments }]);
  }
  for (const entries of bySize.values()) entries.sort((a, b) => literals(b.segments) - literals(a.segments));

  return (method, path) => {
    const parts = segmentsOf(path);
    for (const { route, segments } of bySize.get(`${method} ${parts.length}`) ?? []) {
      const params = new Map<string, string>();
      const fits = segments.every((segment, index) => {
        const part = parts[index] ?? "";
        if (!segment.startsWith(":")) return segment === part;
        const value = decode(part);
        if (value !== undefined) params.set(segment.slice(1), value);
        return value !== undefined;
      });
      if (fits) return { route, params };
    }
    return undefined;
  };
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
