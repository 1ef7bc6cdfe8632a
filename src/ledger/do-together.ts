export type TogetherOptions<Asked> = {
  /** The most that go in one; what is more goes with the next. Default: 100. */
  readonly most?: number;
  /** What is asked under the same name does not go in one with it. Default: everything may. */
  readonly nameOf?: (asked: Asked) => string;
};

/** About as much as one statement writes without keeping others waiting. */
const MOST = 100;

type Waiting<Asked, Told> = {
  readonly asked: Asked;
  readonly resolve: (told: Told) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Group commit for what many runs do at the same time: what is asked while a statement is under way goes together with
 * the next one. Who is alone does not wait. One whose data the database refuses does not cost the others theirs.
 * @param write does it for all of them or for none, and answers each in order
 * @returns the same for one
 */
export function doTogether<Asked, Told>(
  write: (all: readonly Asked[]) => Promise<readonly Told[]>,
  { most = MOST, nameOf }: TogetherOptions<Asked> = {},
): (asked: Asked) => Promise<Told> {
  type One = Waiting<Asked, Told>;
  let waiting: readonly One[] = [];
  let isBusy = false;

  const settle = async (group: readonly One[]): Promise<void> => {
    try {
      const told = await write(group.map(({ asked }) => asked));
      for (const [at, { resolve }] of group.entries()) resolve(told[at] as Told); // one answer each, as promised
    } catch (error) {
      if (group.length > 1 && wasRefused(error)) for (const one of group) await settle([one]);
      else for (const { reject } of group) reject(error);
    }
  };
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = takeGroup(waiting, most, nameOf);
      const taken = new Set(group);
      waiting = waiting.filter((one) => !taken.has(one));
      await settle(group);
    }
    isBusy = false;
  };
  return (asked) =>
    new Promise((resolve, reject) => {
      waiting = [...waiting, { asked, resolve, reject }];
      if (isBusy) return;
      isBusy = true;
      // Answers of upstreams that came in one turn of the loop are all worked on before.
      setImmediate(() => void drain());
    });
}

function takeGroup<Asked, Told>(
  waiting: readonly Waiting<Asked, Told>[],
  most: number,
  nameOf: TogetherOptions<Asked>["nameOf"],
): readonly Waiting<Asked, Told>[] {
  if (!nameOf) return waiting.slice(0, most);
  const names = new Set<string>();
  const group: Waiting<Asked, Told>[] = [];
  for (const one of waiting) {
    const name = nameOf(one.asked);
    if (group.length >= most || names.has(name)) continue;
    names.add(name);
    group.push(one);
  }
  return group;
}

/**
 * SQLSTATE classes by which the database says that it has written nothing: the data is at fault, or two who wrote the
 * same rows waited for each other. Of a connection that broke nobody knows what was written.
 */
const REFUSALS = /^(?:22|23|40)/;

function wasRefused(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" && REFUSALS.test(cause.code);
}
