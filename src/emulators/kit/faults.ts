import { z } from "zod";

/** Which requests a fault concerns; everything that is given must hold. */
const matchSchema = z.strictObject({
  method: z.string().min(1).optional(),
  /** A substring of the path with its query, or `/…/` as a regular expression tried on both spellings. */
  path: z.string().min(1).refine(isReadable, "not a regular expression").optional(),
  /** Share of the matching requests, 0 to 1. */
  probability: z.number().min(0).max(1).optional(),
});

/** The actions every emulator knows; each emulator adds its own. */
const commonActionSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("status"),
    status: z.int().min(200).max(599),
    /** Text is sent as it is, anything else as JSON. */
    body: z.unknown().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
  z.strictObject({ kind: z.literal("latency"), ms: z.number().min(0) }),
  z.strictObject({ kind: z.literal("drop"), when: z.enum(["before", "after"]) }),
  z.strictObject({ kind: z.literal("truncate"), bytes: z.int().min(0) }),
]);

export type CommonAction = z.infer<typeof commonActionSchema>;
type AnyAction = { readonly kind: string };

/** What a test asks for. */
export type FaultRequest<Extra extends AnyAction = never> = {
  readonly match?: z.infer<typeof matchSchema>;
  /** Lets the first n matching requests pass; 0 by default. */
  readonly skip?: number;
  /** How often it fires; 1 by default, 0 for ever. */
  readonly times?: number;
  readonly action: CommonAction | Extra;
};

/** A fault in the registry, with what it has done so far. */
export type Fault<Extra extends AnyAction = never> = {
  readonly id: string;
  readonly match: z.infer<typeof matchSchema>;
  readonly skip: number;
  readonly times: number;
  readonly action: CommonAction | Extra;
  readonly seen: number;
  readonly fired: number;
};

/** Method and path (with its query) of a request, as matched by faults. */
export type FaultSubject = { readonly method: string; readonly path: string };

/** `Sent` is what a test may write: the emulator's actions before their defaults are filled in. */
export type FaultRegistry<Extra extends AnyAction = never, Sent extends AnyAction = Extra> = {
  add(request: FaultRequest<Sent>): string;
  /** Adds what came over the wire, one or an array: ids, or what is wrong with it in words. */
  addUnknown(input: unknown): { ok: true; ids: string[] } | { ok: false; problem: string };
  list(): Fault<Extra>[];
  /** Removes one, or all of them; answers how many. */
  remove(id?: string): number;
  /** Counts a request against every common fault and hands out the actions that are due. */
  takeCommon(subject: FaultSubject): CommonAction[];
  /** The same for the emulator's own actions; only faults of these kinds count the request. */
  takeExtra(subject: FaultSubject, kinds: readonly Extra["kind"][]): Extra[];
};

function toPattern(path: string): RegExp | undefined {
  return path.length > 2 && path.startsWith("/") && path.endsWith("/") ? new RegExp(path.slice(1, -1)) : undefined;
}

function isReadable(path: string): boolean {
  try {
    toPattern(path);
    return true;
  } catch {
    return false;
  }
}

const COMMON_KINDS: readonly string[] = ["status", "latency", "drop", "truncate"] satisfies CommonAction["kind"][];

function isCommon(action: AnyAction): action is CommonAction {
  return COMMON_KINDS.includes(action.kind);
}

function matchesPath(wanted: string, path: string): boolean {
  const pattern = toPattern(wanted);
  if (pattern === undefined) return path.includes(wanted);
  return pattern.test(path) || pattern.test(path.split("?", 1)[0] ?? path);
}

/**
 * Keeps the faults that tests ask for and says which are due.
 *
 * @param extra schema of the emulator's own actions, each with a `kind` of its own
 */
export function createFaults<Extra extends AnyAction = never, Sent extends AnyAction = Extra>({
  random,
  newId,
  extra,
}: {
  random: () => number;
  newId: () => string;
  extra?: z.ZodType<Extra, Sent>;
}): FaultRegistry<Extra, Sent> {
  type Action = CommonAction | Extra;
  type Entry = { fault: Omit<Fault<Extra>, "seen" | "fired">; seen: number; fired: number };
  const actionSchema: z.ZodType<Action> =
    extra === undefined ? commonActionSchema : z.union([commonActionSchema, extra]);
  const schema = z.strictObject({
    match: matchSchema.default({}),
    skip: z.int().min(0).default(0),
    times: z.int().min(0).default(1),
    action: actionSchema,
  });
  const entries = new Map<string, Entry>();

  const insert = (parsed: z.infer<typeof schema>): string => {
    const id = newId();
    entries.set(id, { fault: { id, ...parsed }, seen: 0, fired: 0 });
    return id;
  };

  const isDue = (entry: Entry, { method, path }: FaultSubject): boolean => {
    const { match, skip, times } = entry.fault;
    if (times > 0 && entry.fired >= times) return false;
    if (match.method !== undefined && match.method.toUpperCase() !== method) return false;
    if (match.path !== undefined && !matchesPath(match.path, path)) return false;
    entry.seen += 1;
    if (entry.seen <= skip) return false;
    if (match.probability !== undefined && random() >= match.probability) return false;
    entry.fired += 1;
    return true;
  };

  const take = <A extends Action>(subject: FaultSubject, isWanted: (action: Action) => action is A): A[] => {
    const due: A[] = [];
    for (const entry of entries.values()) {
      const { action } = entry.fault;
      if (isWanted(action) && isDue(entry, subject)) due.push(action);
    }
    return due;
  };

  return {
    add: (request) => insert(schema.parse(request)),
    addUnknown(input) {
      const parsed = z.array(schema).safeParse(Array.isArray(input) ? input : [input]);
      if (!parsed.success) return { ok: false, problem: z.prettifyError(parsed.error) };
      return { ok: true, ids: parsed.data.map(insert) };
    },
    list: () => [...entries.values()].map(({ fault, seen, fired }) => ({ ...fault, seen, fired })),
    remove(id) {
      if (id !== undefined) return entries.delete(id) ? 1 : 0;
      const removed = entries.size;
      entries.clear();
      return removed;
    },
    takeCommon: (subject) => take(subject, isCommon),
    takeExtra: (subject, kinds) =>
      take(subject, (action): action is Extra => !isCommon(action) && kinds.includes(action.kind)),
  };
}
