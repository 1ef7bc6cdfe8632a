import { InvalidArgumentError, Option } from "commander";
import { RUN_STATUSES } from "../ledger/run-statuses.ts";
import { parseDuration } from "../rules/units.ts";

/** A duration, in milliseconds. */
export function parseSpan(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("must be a duration such as 30m, 2h or 3d.");
  return ms;
}

function within(text: string, least: number, most: number): number {
  // Number("") is 0, which a port and a number of lines may be.
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(number) || number < least || number > most) {
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
  }
  return number;
}

/** 0 is a free port. */
export const parsePort = (text: string): number => within(text, 0, 65_535);
/** How many of something, one at least. */
export const parseCount = (text: string): number => within(text, 1, 100_000);
/** How many lines, which may be none. */
export const parseLines = (text: string): number => within(text, 0, 10_000);

/** `--status`: one, or several separated by commas; given again, those as well. */
export const statusOption = (words: string): Option =>
  new Option("--status <statuses>", `${words}; several separated by commas`)
    .choices(RUN_STATUSES)
    .argParser((text, before: readonly string[]) => {
      const statuses = text.split(",").map((status) => status.trim());
      if (statuses.includes("")) {
        throw new InvalidArgumentError(`must be statuses separated by commas, out of ${RUN_STATUSES.join(", ")}.`);
      }
      const unknown = statuses.filter((status) => !RUN_STATUSES.some((known) => known === status));
      if (unknown.length === 0) return [...before, ...statuses];
      throw new InvalidArgumentError(`there is no status ${unknown.join(", ")}; there are ${RUN_STATUSES.join(", ")}.`);
    })
    .default([]);

/** `name=value`, once for each name. */
export function collectValue(text: string, known: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const split = text.indexOf("=");
  if (split < 1) throw new InvalidArgumentError("must look like name=value.");
  return { ...known, [text.slice(0, split)]: text.slice(split + 1) };
}
