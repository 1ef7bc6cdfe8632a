import { SHARE_DESCRIPTION_CHARS, SHARE_TITLE_CHARS } from "../fastio/share-rules.ts";
import { MAX_MESSAGE_CHARS } from "./deliver-schema.ts";
import { deliveryFaults } from "./delivery-faults.ts";
import { storageOfDelivery } from "./delivery-storage.ts";
import { PATH_GLOB } from "./fields.ts";
import { belowToo, fixedFolder, parseGlob } from "./glob.ts";
import { quote } from "./quote.ts";
import type { Rule } from "./rule.ts";
import type { RuleFault } from "./rule-fault.ts";
import { referenceFaults } from "./template-references.ts";

/** Faults of a rule whose parts are each right: what Fast.io or plain sense does not allow together. */
export function combinationFaults(rule: Rule): RuleFault[] {
  const { when, run, deliver } = rule;
  const faults: RuleFault[] = [];
  const refuse = (key: string, message: string) => faults.push({ path: key.split("."), message });

  if (when.minSizeBytes !== undefined && when.maxSizeBytes !== undefined && when.minSizeBytes > when.maxSizeBytes)
    refuse("when.minSize", "is more than maxSize, so no file can match");
  const { folder } = when;
  if (folder !== undefined && when.exclude.folders.some((excluded) => covers(excluded, folder)))
    refuse("when.folder", "lies in a folder that exclude.folders leaves out, so no file can match");

  if (when.share !== undefined && deliver.folder === ".")
    refuse("deliver.folder", 'is the folder of the source, which lies in a share here; name one such as "/Results"');
  if (when.share !== undefined && when.folder !== undefined)
    refuse("when.folder", "is a folder of the workspace, and with share only what lies in a share is taken");
  if (when.outputsOf?.includes(rule.name))
    refuse("when.outputsOf", "names the rule itself; a rule never takes what it delivered");
  if (rule.maxDepth !== undefined && rule.maxDepth > 0 && when.outputsOf === undefined)
    refuse("maxDepth", "means nothing without when.outputsOf; add it, or remove maxDepth");

  if (run.batch !== undefined && run.group !== "batch")
    refuse("run.batch", "means nothing without group: batch; add it, or remove batch");
  if (run.group === "batch") {
    const [single] = Object.entries(run.inputs).filter(([, value]) => /^\{\{\s*file\s*\}\}$/.test(String(value)));
    if (single)
      refuse(`run.inputs.${single[0]}`, 'is one file, and with group: batch there are several; write "{{ files }}"');
    if (run.send === "url")
      refuse("run.send", '"url" is not possible with group: batch; the files of a batch are uploaded');
  }
  for (const { key, asks } of [
    { key: "run.ask", asks: run.ask ?? [] },
    { key: "deliver.ask", asks: deliver.ask ?? [] },
  ]) {
    const twice = asks.find(({ into }, place) => asks.findIndex((other) => other.into === into) < place);
    if (twice) refuse(key, `has two answers called ${quote(twice.into)}`);
  }
  const filledTwice = run.ask?.find(({ into }) => Object.hasOwn(run.inputs, into));
  if (filledTwice) refuse("run.ask", `fills in ${quote(filledTwice.into)}, and so does run.inputs`);
  if (when.share !== undefined && run.ask?.some(({ scope }) => scope !== "workspace"))
    refuse("run.ask", "is about files in a share, and questions are put to the workspace; write scope: workspace");
  const isNoneOfItHere = when.share !== undefined && storageOfDelivery(deliver) === "own";
  if (isNoneOfItHere && deliver.ask?.some(({ scope }) => scope !== "workspace"))
    refuse(
      "deliver.ask",
      "is about files in shares, the source's and the delivered one, and questions are put to the workspace; write scope: workspace, or deliver storage: folder",
    );
  const answeredBoth = deliver.ask?.find(({ into }) => run.ask?.some((early) => early.into === into));
  if (answeredBoth) refuse("deliver.ask", `answers ${quote(answeredBoth.into)}, and so does run.ask`);

  for (const [index, { name }] of (deliver.outputs ?? []).entries()) {
    if (deliver.outputs?.findIndex((other) => other.name === name) !== index)
      faults.push({ path: ["deliver", "outputs", index], message: `names the output ${quote(name)} again` });
  }

  faults.push(...referenceFaults(rule));
  faults.push(...deliveryFaults(deliver));
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
    if (fixed === text && [...text.trim()].length < min)
      refuse(`deliver.${key}`, `is shorter than the ${min} characters needed`);
  }
  return faults;
}

/** Whether an excluded glob leaves out every folder that another glob can match, as far as its fixed part tells. */
function covers(excluded: string, folder: string): boolean {
  const glob = parseGlob(belowToo(excluded), PATH_GLOB);
  return glob.kind === "glob" && glob.matches(fixedFolder(folder));
}
