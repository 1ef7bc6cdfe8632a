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
};

/** Lets a run be found by the names of files and by people. What is known already stays as it is. */
export async function nameRun(
  tx: Db,
  { id: runId, createdAtMs, actorUserId, actorEmail }: FoundRun,
  files: readonly NamedFile[],
): Promise<void> {
  const names = files.map(({ ordinal, name }) => {
    const folded = foldName(name);
    return { runId, ordinal, createdAtMs, name: folded, grams: gramsOf(folded) };
  });
  if (names.length > 0) await tx.insert(runNames).values(names).onConflictDoNothing();
  await addPeople(tx, { id: runId, createdAtMs }, [actorUserId, actorEmail]);
}

/** Lets a run be found by people who have to do with it. */
export async function addPeople(
  tx: Db,
  { id: runId, createdAtMs }: Pick<FoundRun, "id" | "createdAtMs">,
  people: readonly (string | null | undefined)[],
): Promise<void> {
  const known = new Set(people.flatMap((person) => (person ? [foldPerson(person)] : [])));
  known.delete("");
  if (known.size === 0) return;
  const rows = [...known].map((person) => ({ person, runId, createdAtMs }));
  await tx.insert(runPeople).values(rows).onConflictDoNothing();
}

/** Files of a batch go over to a run that was made of it, which has its time and its people, and keep their places. */
export async function moveNames(
  tx: Db,
  { id, actorUserId, actorEmail }: FoundRun,
  to: Pick<FoundRun, "id" | "createdAtMs">,
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
