import { PermanentError } from "../../errors.ts";
import type { FastioPlaces } from "../ports/places.ts";
import type { Api } from "./api.ts";
import { byOffset } from "./paging.ts";
import { findMemberEmail, readMemberRows } from "./readers/members.ts";
import { places } from "./routes/places.ts";

/** Not a member, nobody's business of this key, or no such route: all mean that the address is not known. */
const UNTOLD = ["not_found", "forbidden", "unsupported_here"];

/** Looks up whose e-mail address a user id stands for: by the member's details, else in the list of members. */
export const createMemberEmail =
  ({ api }: { readonly api: Api }): FastioPlaces["findMemberEmail"] =>
  async (place, userId, signal) =>
    (await untold(async () => findMemberEmail(await api.call(places.member(place, userId), signal)))) ??
    (await untold(async () => {
      const rows = byOffset((offset, limit) => api.call(places.members(place, offset, limit), signal), readMemberRows);
      for await (const { id, email } of rows) if (id === userId) return email;
      return undefined;
    }));

async function untold(look: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof PermanentError && UNTOLD.includes(error.code)) return undefined;
    throw error;
  }
}
