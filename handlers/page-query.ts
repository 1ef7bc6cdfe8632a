import { z } from "zod";

export const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 500;
const PLACE = /^\d{1,15}-[a-z0-9]{0,64}$/;

/** Where a page of a list of runs begins, after the time and id of the last one before, and how long it is. */
export const PAGE_QUERY = {
  before: z
    .string()
    .regex(PLACE, "is no place in this list; give what was told as next")
    .transform((place) => ({ createdAtMs: Number.parseInt(place, 10), id: place.slice(place.indexOf("-") + 1) }))
    .optional()
    .describe("Where the page begins: what the page before told as `next`"),
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT).describe("The most that are told"),
};
