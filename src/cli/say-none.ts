import { PermanentError } from "../errors.ts";
import { sameOpaqueId } from "../fastio/opaque-id.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext } from "./context.ts";

/** What commands are given the id of, and which command tells the ids that there are. */
const FOUND_BY = {
  run: "relay runs list <part of the file's name> finds it",
  share: "relay shares list tells which there are",
  "bulk action": "relay bulk list tells which there are",
  webhook: "relay webhooks list tells which there are",
  offer: "relay transfer list tells which there are",
} as const;
export type Findable = keyof typeof FOUND_BY;

/** The next step of who named one that is not there. */
export const foundBy = (what: Findable): string => FOUND_BY[what];

const noneOf = (what: Findable, id: string): string =>
  `there is no ${what} ${plain(id)}${what === "share" ? ", and no run of that id with a link" : ""}`;

/** Says that there is none of this id, and where to look. */
export function sayNone(context: CliContext, what: Findable, id: string): void {
  context.warn(noneOf(what, id));
  context.warn(`→ ${foundBy(what)}`);
}

/**
 * The same of what is to be taken away, which Fast.io's client takes for done where it is not there: a delete may be
 * the repeat of one whose answer was lost. Who mistypes an id is not to believe that it is gone.
 * @throws {PermanentError} `not_found`
 */
export function requireOneOf(what: Findable, id: string, all: readonly { readonly id: string }[]): void {
  if (all.some((one) => sameOpaqueId(one.id, id))) return;
  throw new PermanentError("not_found", noneOf(what, id), { nextAction: foundBy(what) });
}

/** The same where Fast.io says so, whose own words are about files. @throws {PermanentError} `not_found`, and whatever else failed */
export async function findInFastio<T>(what: Findable, id: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code !== "not_found") throw error;
    throw new PermanentError(error.code, noneOf(what, id), { cause: error, nextAction: foundBy(what) });
  }
}
