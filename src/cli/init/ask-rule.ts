import { PermanentError } from "../../errors.ts";
import type { FastioWorkspace } from "../../fastio/types.ts";
import { isEmail } from "../../rules/deliver-schema.ts";
import type { Rule } from "../../rules/rule.ts";
import { DIFY_KEY_VARIABLE, type DifyAnswers } from "./ask-dify.ts";
import type { Asker, Choice } from "./asker.ts";
import type { InitOptions } from "./init-options.ts";
import { filesFor, type RuleWish, ruleNameFor } from "./propose-rule.ts";

type DeliveryKind = Rule["deliver"]["as"];

/** The ways people may get the outputs, in the order they are offered. */
const DELIVERY_KINDS: readonly Choice<DeliveryKind>[] = [
  { value: "share", label: "a share of its own for each file", hint: "anyone with the link, or only those invited" },
  { value: "drop-off", label: "a folder of the day that only the people invited are let into" },
  { value: "workspace", label: "files in a folder of the workspace, no share" },
  { value: "file-share", label: "a durable link to the one output" },
];

const DEFAULT_FOLDER = "/Inbox";

/** Which files, and what people get. */
export async function askRule(
  asker: Asker,
  options: InitOptions,
  workspace: FastioWorkspace,
  dify: DifyAnswers,
): Promise<RuleWish> {
  const folder =
    options.folder ??
    (await asker.text({
      message: `Which folder of ${workspace.name} do files come into? It counts with all below; / is any`,
      flag: "--folder <path>",
      proposal: DEFAULT_FOLDER,
      check: folderFault,
    }));
  const fault = folderFault(folder);
  if (fault !== undefined) throw new PermanentError("usage_invalid", `--folder: ${fault}`);
  const as =
    options.deliver ??
    (await asker.choose<DeliveryKind>({
      message: "How do people get the outputs?",
      flag: "--deliver <kind>",
      choices: DELIVERY_KINDS,
      proposal: "share",
    }));
  return {
    name: options.name ?? ruleNameFor(dify.appName),
    workspace: { id: workspace.id, name: workspace.name },
    folder,
    files: options.files ?? filesFor(dify.fileInput),
    keyVariable: DIFY_KEY_VARIABLE,
    inputs: dify.inputs,
    deliver: { as, invite: await askInvited(asker, options, as) },
  };
}

function folderFault(folder: string): string | undefined {
  if (!folder.startsWith("/")) return "a folder begins with /";
  if (/[*?[\]{}!\\]/.test(folder)) return "name a folder, without * and the like; the rule may be changed later";
  return folder.split("/").some((part) => part === "." || part === "..") ? "must not hold . or .." : undefined;
}

async function askInvited(asker: Asker, options: InitOptions, as: DeliveryKind): Promise<readonly string[]> {
  if (as === "workspace") return [];
  const known = options.invite.join(", ");
  const mustInvite = as === "drop-off";
  if (known !== "" || (as !== "drop-off" && as !== "share")) return checked(known, mustInvite);
  const text = await asker.text({
    message: mustInvite
      ? "Who is invited? Addresses, separated by commas"
      : "Who is invited? Addresses, separated by commas; nobody: anyone with the link can open it",
    flag: "--invite <addresses...>",
    ...(mustInvite ? {} : { proposal: "" }),
    check: (answer) => addressFault(answer, mustInvite),
  });
  return checked(text, mustInvite);
}

const addressesIn = (text: string): readonly string[] => text.split(/[\s,;]+/).filter((one) => one !== "");

function addressFault(text: string, isNeeded: boolean): string | undefined {
  const addresses = addressesIn(text);
  if (isNeeded && addresses.length === 0) return "somebody must be invited";
  const wrong = addresses.find((one) => !isEmail(one));
  return wrong === undefined ? undefined : `${wrong} is no e-mail address`;
}

function checked(text: string, isNeeded: boolean): readonly string[] {
  const fault = addressFault(text, isNeeded);
  if (fault !== undefined) throw new PermanentError("usage_invalid", `--invite: ${fault}`);
  return addressesIn(text);
}
