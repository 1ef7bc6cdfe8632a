import { SHARE_DESCRIPTION_CHARS, SHARE_TITLE_CHARS } from "../fastio/share-rules.ts";
import { withoutEnd } from "../text/without-end.ts";
import type { CompiledRule } from "./compile-rules.ts";
import { cutTo } from "./cut-to.ts";
import { isEmail, MAX_MESSAGE_CHARS } from "./deliver-schema.ts";
import { renderTemplate, renderText, type TemplateValues } from "./template.ts";

/** What an input of a run becomes: the file's place, or a plain value. */
export type RenderedInput =
  | { readonly kind: "file" }
  | { readonly kind: "value"; readonly value: string | number | boolean };

/** What a delivery shows to people, within the lengths Fast.io takes. */
export type DeliveryTexts = {
  /** Folders from the top of the workspace, or from the source's own, down to the one that the rule names. */
  readonly folder: readonly string[];
  readonly title: string;
  readonly description: string | undefined;
  readonly message: string | undefined;
  readonly invite: readonly string[];
  /** Entries of `invite` that gave no address, as `{{ event.actor.email }}` does when nobody knows it. */
  readonly notInvited: readonly string[];
};

/** One output that a rule wants, and what it may be. */
export type WantedOutput = {
  readonly name: string;
  /** Name of the file it becomes; undefined: the one it comes with. */
  readonly as: string | undefined;
  /** Globs of types, as written; undefined: any. */
  readonly types: readonly string[] | undefined;
  readonly takesType: (mimeType: string) => boolean;
  /** Bytes; undefined: any. */
  readonly maxSizeBytes: number | undefined;
};

/** What the rule wants of the workflow's outputs; undefined: all there is. */
export const renderOutputs = ({ outputs }: CompiledRule, values: TemplateValues): readonly WantedOutput[] | undefined =>
  outputs?.map(({ output, as, types }) => ({
    name: output.name,
    // A name that comes out blank is none.
    as: (as && oneLine(renderText(as, values))) || undefined,
    types: output.types,
    takesType: (mimeType) => {
      const [bare = ""] = mimeType.split(";", 1);
      return types === undefined || types.some((matches) => matches(bare.trim()));
    },
    maxSizeBytes: output.maxSizeBytes,
  }));

const MAX_FOLDER_NAME_CHARS = 100;

/** Inputs as the rule wants them. When none is `file`, the app's one file variable gets the file. */
export function renderInputs(compiled: CompiledRule, values: TemplateValues): ReadonlyMap<string, RenderedInput> {
  const inputs = new Map<string, RenderedInput>();
  for (const [variable, template] of compiled.templates.inputs) {
    if (typeof template !== "object") inputs.set(variable, { kind: "value", value: template });
    else {
      const rendered = renderTemplate(template, values);
      inputs.set(variable, rendered.kind === "file" ? rendered : { kind: "value", value: rendered.text });
    }
  }
  return inputs;
}

/** Fills in everything a delivery says. Values come from strangers: they cannot add a folder, a line or an address. */
export function renderDelivery({ rule, templates }: CompiledRule, values: TemplateValues): DeliveryTexts {
  const addresses = templates.invite.map((template) => renderText(template, values).trim());
  const description =
    templates.description && cutTo(renderText(templates.description, values), SHARE_DESCRIPTION_CHARS.max);
  return {
    folder: templates.folder.map((template) => folderName(renderText(template, values))),
    title: titleOf(cutTo(oneLine(renderText(templates.title, values)), SHARE_TITLE_CHARS.max), rule.name),
    // Fast.io refuses a short one, and a share without a description is better than no share.
    description:
      description !== undefined && charsOf(description) >= SHARE_DESCRIPTION_CHARS.min ? description : undefined,
    message: templates.message && cutTo(renderText(templates.message, values), MAX_MESSAGE_CHARS),
    invite: [...new Set(addresses.filter(isEmail).map((address) => address.toLowerCase()))],
    notInvited: rule.deliver.invite.filter((_, index) => !isEmail(addresses[index] ?? "")),
  };
}

/** As Fast.io counts them: an emoji is one. */
const charsOf = (text: string): number => [...text].length;

/** A file named `a` is a name, but no title of the length Fast.io asks for. */
const titleOf = (title: string, ruleName: string): string =>
  charsOf(title) >= SHARE_TITLE_CHARS.min
    ? title
    : cutTo(`${ruleName} ${title}`.trim().padEnd(SHARE_TITLE_CHARS.min, "."), SHARE_TITLE_CHARS.max);

/** One folder's name: no separators, nothing that means another folder. */
function folderName(text: string): string {
  const plain = withoutEnd(oneLine(text.replace(/[<>:"/\\|?*]/g, "-")), /[. ]/).replace(/^\.+/, "");
  return cutTo(plain, MAX_FOLDER_NAME_CHARS) || "-";
}

/** Control characters, line ends among them, become spaces. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").trim();
