import { and, eq, inArray } from "drizzle-orm";
import { foldName, foldPerson, gramsOf } from "./fold-name.ts";
import type { Db } from "./open-ledger.ts";
import { runNames, runPeople } from "./schema.ts";

type NamedFile = { readonly ordinal: number; readonly name: string };

type FoundRun = {
  readonly id: string;
  readonly createdAtMs: number;
  readonly actorUserId?: string | null | undefined;
  readonly actorEmail?: string | null | undefined;
  readonly invited?: readonly string[] | undefined;
};

/** Lets runs be found by the names of their files and by people. What is known already stays as it is. */
export async function nameRuns(
  tx: Db,
  named: readonly { readonly run: FoundRun; readonly files: readonly NamedFile[] }[],
): Promise<void> {
  const names = named.flatMap(({ run: { id, createdAtMs }, files }) =>
    files.map(({ ordinal, name }) => {
      const folded = foldName(name);
      return { runId: id, ordinal, createdAtMs, name: folded, grams: gramsOf(folded) };
    }),
  );
  if (names.length > 0) await tx.insert(runNames).values(names).onConflictDoNothing();
  await insertPeople(
    tx,
    named.map(({ run }) => ({ run, people: [run.actorUserId, run.actorEmail, ...(run.invited ?? [])] })),
  );
}

/** Each once, as they are looked for; without those that are none. */
export function peopleOf(people: readonly (string | null | undefined)[]): readonly string[] {
  const known = new Set(people.map((person) => foldPerson(person ?? "")));
  known.delete("");
  return [...known];
}

/** Lets a run be found by people who have to do with it. */
const addPeople = (tx: Db, run: FoundRun, people: readonly (string | null | undefined)[]): Promise<void> =>
  insertPeople(tx, [{ run, people }]);

async function insertPeople(
  tx: Db,
  found: readonly { readonly run: FoundRun; readonly people: readonly (string | null | undefined)[] }[],
): Promise<void> {
  const rows = found.flatMap(({ run: { id: runId, createdAtMs }, people }) =>
    peopleOf(people).map((person) => ({ person, runId, createdAtMs })),
  );
  if (rows.length > 0) await tx.insert(runPeople).values(rows).onConflictDoNothing();
}

/** Files of a batch go over to a run that was made of it, which has its time and its people, and keep their places. */
export async function moveNames(
  tx: Db,
  { id, actorUserId, actorEmail }: FoundRun,
  to: FoundRun,
  files: readonly Pick<NamedFile, "ordinal">[],
): Promise<void> {
  const ordinals = files.map(({ ordinal }) => ordinal);
  await tx
    .update(runNames)
    .set({ runId: to.id })
    .where(and(eq(runNames.runId, id), inArray(runNames.ordinal, ordinals)));
  await addPeople(tx, to, [actorUserId, actorEmail]);
}

/** For runs that are forgotten. */
export async function forgetNames(tx: Db, runIds: readonly string[]): Promise<void> {
  await tx.delete(runNames).where(inArray(runNames.runId, [...runIds]));
  await tx.delete(runPeople).where(inArray(runPeople.runId, [...runIds]));
}
