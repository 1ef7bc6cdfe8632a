/**
 * Does it for all of them or for none, and answers each in order.
 * @param patienceMs how long it waits for rows that somebody else holds; as long as usual where it is not said
 */
export type WriteTogether<Asked, Told> = (all: readonly Asked[], patienceMs?: number) => Promise<readonly Told[]>;

export type TogetherOptions<Asked> = {
  /** The most that go in one; what is more goes with the next. Default: 100. */
  readonly most?: number;
  /** What is asked under the same name does not go in one with it. Default: everything may. */
  readonly nameOf?: (asked: Asked) => string;
  /** Whether nothing is written: then a locked table alone holds it up, and all who asked alike. They are told so at once. */
  readonly isRead?: boolean;
};

/** About as much as one statement writes without keeping others waiting. */
const MOST = 100;
/** How often one is tried whose rows somebody else holds, each time for as long as its statement waits. */
const HELD_TRIES = 5;
/** How long it waits at the first of them, which tells who of a group is held: the others are to wait for none of those. */
const GLANCE_MS = 20;

type Waiting<Asked, Told> = {
  readonly asked: Asked;
  readonly resolve: (told: Told) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Group commit for what many runs do at the same time: what is asked while a statement is under way goes together with
 * the next one. Who is alone does not wait. One whose data the database refuses does not cost the others theirs; nor does
 * one whose rows somebody holds, as a forgotten transaction does: it waits beside the line, and is given up after a while.
 * @returns the same for one
 */
export function doTogether<Asked, Told>(
  write: WriteTogether<Asked, Told>,
  { most = MOST, nameOf, isRead = false }: TogetherOptions<Asked> = {},
): (asked: Asked) => Promise<Told> {
  type One = Waiting<Asked, Told>;
  let waiting: readonly One[] = [];
  let isBusy = false;
  /** Names of those that wait beside the line: what is asked under them meanwhile comes after. */
  const aside = new Set<string>();

  const settle = async (group: readonly One[]): Promise<void> => {
    try {
      const told = await write(group.map(({ asked }) => asked));
      for (const [at, { resolve }] of group.entries()) resolve(told[at] as Told); // one answer each, as promised
    } catch (error) {
      if (!isRead && isHeldUp(error)) void settleAside(group);
      else if (group.length > 1 && wasRefused(error)) for (const one of group) await settle([one]);
      else for (const { reject } of group) reject(error);
    }
  };
  const settleAside = async (group: readonly One[]): Promise<void> => {
    if (nameOf) for (const { asked } of group) aside.add(nameOf(asked));
    let held = group;
    for (let tries = 1; held.length > 0; tries += 1) {
      const still: One[] = [];
      for (const one of held) {
        if (await settleAlone(one, tries)) comeBack(one);
        else still.push(one);
      }
      held = still;
    }
  };
  /** What was asked under its name meanwhile goes on, whoever of its group waits still. */
  const comeBack = ({ asked }: One): void => {
    if (nameOf) aside.delete(nameOf(asked));
    begin();
  };
  /** @returns false when its rows are held still, and that is not the end of it */
  const settleAlone = async ({ asked, resolve, reject }: One, tries: number): Promise<boolean> => {
    try {
      const [told] = await write([asked], tries === 1 ? GLANCE_MS : undefined);
      resolve(told as Told); // one answer, as promised
    } catch (error) {
      if (tries < HELD_TRIES && isHeldUp(error)) return false;
      reject(error);
    }
    return true;
  };
  const drain = async (): Promise<void> => {
    for (;;) {
      const group = takeGroup(waiting, most, nameOf, aside);
      if (group.length === 0) break;
      const taken = new Set(group);
      waiting = waiting.filter((one) => !taken.has(one));
      await settle(group);
    }
    isBusy = false;
  };
  const begin = (): void => {
    if (isBusy || waiting.length === 0) return;
    isBusy = true;
    // Answers of upstreams that came in one turn of the loop are all worked on before.
    setImmediate(() => void drain());
  };
  return (asked) =>
    new Promise((resolve, reject) => {
      waiting = [...waiting, { asked, resolve, reject }];
      begin();
    });
}

function takeGroup<Asked, Told>(
  waiting: readonly Waiting<Asked, Told>[],
  most: number,
  nameOf: TogetherOptions<Asked>["nameOf"],
  aside: ReadonlySet<string>,
): readonly Waiting<Asked, Told>[] {
  if (!nameOf) return waiting.slice(0, most);
  const names = new Set(aside);
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

const wasRefused = (error: unknown): boolean => REFUSALS.test(codeOf(error));

/** `lock_not_available`: a statement that waits for rows no longer than `LOCK_PATIENCE`, and has written nothing. */
const isHeldUp = (error: unknown): boolean => codeOf(error) === "55P03";

/** The database's SQLSTATE; empty when it said none. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
}
