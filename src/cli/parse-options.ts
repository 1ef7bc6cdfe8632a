import { InvalidArgumentError } from "commander";
import { parseDuration } from "../rules/units.ts";

/** A duration, in milliseconds. */
export function parseSpan(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError("must be a duration such as 30m, 2h or 3d.");
  return ms;
}

function within(text: string, least: number, most: number): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < least || number > most) {
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
  }
  return number;
}

export const parsePort = (text: string): number => within(text, 0, 65_535);
export const parseCount = (text: string): number => within(text, 1, 100_000);
export const parseLines = (text: string): number => within(text, 0, 10_000);
