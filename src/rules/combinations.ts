import { PATH_GLOB } from "./fields.ts";
import { belowToo, fixedFolder, parseGlob } from "./glob.ts";
import type { Rule } from "./rule.ts";
import { MAX_MESSAGE_CHARS, SHARE_DESCRIPTION_CHARS, SHARE_TITLE_CHARS } from "./schema.ts";

/** A fault at a place inside one rule. */
export type RuleFault = { readonly path: readonly PropertyKey[]; readonly message: string };

/** Faults of a rule whose parts are each right: what Fast.io or plain sense does not allow together. */
export function combinationFaults({ when, deliver }: Rule): RuleFault[] {
  const faults: RuleFault[] = [];
  const refuse = (key: string, message: string) => faults.push({ path: key.split("."), message });

  if (when.minSizeBytes !== undefined && when.maxSizeBytes !== undefined && when.minSizeBytes > when.maxSizeBytes)
    refuse("when.minSize", "is more than maxSize, so no file can match");
  const { folder } = when;
  if (folder !== undefined && when.exclude.folders.some((excluded) => covers(excluded, folder)))
    refuse("when.folder", "lies in a folder that exclude.folders leaves out, so no file can match");

  if (deliver.access === "link" && deliver.type !== "send")
    refuse("deliver.access", `"link" is possible only with type: send; Fast.io refuses it for type: ${deliver.type}`);
  if (deliver.message !== undefined && deliver.invite.length === 0)
    refuse("deliver.message", "is sent with invitations, and this rule invites nobody; add invite, or use description");

  const lengths = [
    { key: "title", text: deliver.title, ...SHARE_TITLE_CHARS },
    { key: "description", text: deliver.description, ...SHARE_DESCRIPTION_CHARS },
    { key: "message", text: deliver.message, min: 1, max: MAX_MESSAGE_CHARS },
  ];
  for (const { key, text, min, max } of lengths) {
    if (text === undefined) continue;
    const fixed = text.replace(/\{\{.*?\}\}/gs, "");
    if (fixed.length > max) refuse(`deliver.${key}`, `is longer than the ${max} characters allowed`);
    if (fixed === text && text.trim().length < min)
      refuse(`deliver.${key}`, `is shorter than the ${min} characters needed`);
  }
  return faults;
}

/** Whether an excluded glob leaves out every folder that another glob can match, as far as its fixed part tells. */
function covers(excluded: string, folder: string): boolean {
  const glob = parseGlob(belowToo(excluded), PATH_GLOB);
  return glob.kind === "glob" && glob.matches(fixedFolder(folder));
}
