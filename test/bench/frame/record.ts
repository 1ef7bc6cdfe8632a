import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const WantedSchema = z.union([z.strictObject({ atLeast: z.number() }), z.strictObject({ atMost: z.number() })]);

const RowSchema = z.strictObject({
  what: z.string(),
  // JSON knows no NaN: what could not be computed is null.
  value: z.number().nullable(),
  unit: z.string(),
  spread: z.tuple([z.number().nullable(), z.number().nullable()]).optional(),
  wanted: WantedSchema.optional(),
  reached: z.boolean().optional(),
  note: z.string().optional(),
});

const PartSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** When it began, ISO 8601. */
  date: z.string(),
  commit: z.string(),
  machine: z.strictObject({
    system: z.string(),
    processor: z.string(),
    cores: z.number(),
    memoryGiB: z.number(),
    node: z.string(),
    postgres: z.string().nullable(),
    redis: z.string().nullable(),
  }),
  seconds: z.number(),
  /** Load average of the machine over the minute before it began: what others did beside it. */
  loadBefore: z.number(),
  rows: z.array(RowSchema),
  faults: z.array(z.string()),
  leftOut: z.array(z.string()),
});

const RecordSchema = z.strictObject({ parts: z.array(PartSchema) });

export type PartRecord = z.infer<typeof PartSchema>;
export type BenchRecord = z.infer<typeof RecordSchema>;

/** @throws when the file is none that {@link printRecord} made */
export function readRecord(file: string): BenchRecord {
  return existsSync(file) ? RecordSchema.parse(JSON.parse(readFileSync(file, "utf8"))) : { parts: [] };
}

/** A part that was measured again replaces what it said before; the others keep their own date and commit. */
export function mergePart(record: BenchRecord, part: PartRecord, order: readonly string[]): BenchRecord {
  const placeOf = ({ name }: PartRecord): number => {
    const place = order.indexOf(name);
    return place === -1 ? order.length : place;
  };
  const parts = [...record.parts.filter(({ name }) => name !== part.name), part];
  return { parts: parts.toSorted((left, right) => placeOf(left) - placeOf(right)) };
}

/** Whole or not at all. */
export function writeWhole(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
}

export const printRecord = (record: BenchRecord): string => `${JSON.stringify(record, null, 2)}\n`;
