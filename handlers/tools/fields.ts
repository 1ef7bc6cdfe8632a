import { z } from "zod";

/** Fields that several operations have, described once for models that read them. */
const MAX_TEXT = 1_024;

export const workspaceField = z
  .string()
  .max(MAX_TEXT)
  .describe("Id or name of the workspace. May be left out when the token may use one workspace only.")
  .optional();

/** A folder by path or id. @param what whose it is, as models read it */
export const folderField = (what: string) =>
  z
    .string()
    .max(4_096)
    .describe(`${what}: a path such as /Reports/2026, or the id of a folder. Left out: the top of the workspace.`)
    .optional();

export const fileField = z.string().min(1).max(4_096).describe("The file: a path such as /Reports/a.pdf, or its id.");

export const shareField = z
  .string()
  .min(1)
  .max(200)
  .describe("Id of the share, as createShare or createDropOff told it.");

export const requestIdField = z
  .string()
  .regex(/^[\w.:-]{1,100}$/, "must be 1 to 100 letters, digits, dots, colons, hyphens and underscores")
  .describe(
    "Any id of your own for this call. Send the same one when you repeat a call that got no answer: it is then done once only.",
  )
  .optional();

/**
 * For what cannot be taken back: without it nothing is done.
 * @param what would be done, as a sentence that ends with a full stop
 */
export const confirmField = (what: string) =>
  z.boolean().describe(`Must be true: ${what} Ask the person first.`).optional();

export const inviteField = z
  .string()
  .max(4_096)
  .describe("E-mail addresses of people to invite, separated by commas; at most 20.");

export const messageField = z.string().describe("What was done, in words.");

const MAX_GUESTS = 20;
const EMAIL = z.email();

/** @returns the addresses in small letters, each once, as those that a rule names; or what is wrong with them */
export function readAddresses(text: string | undefined): readonly string[] | { readonly fault: string } {
  const addresses = splitList(text?.toLowerCase());
  if (addresses.length > MAX_GUESTS) return { fault: `invite: there are more than ${MAX_GUESTS} addresses` };
  const wrong = addresses.find((address) => !EMAIL.safeParse(address).success);
  return wrong === undefined ? addresses : { fault: "invite: must be e-mail addresses, separated by commas" };
}

/** The parts between commas, each once and without blanks around it; a field that was left out has none. */
export const splitList = (text: string | undefined): readonly string[] => [
  ...new Set(
    (text ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ),
];
