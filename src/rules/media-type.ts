import mime from "mime";
import { type FirstBytes, showsInFirstBytes } from "./first-bytes.ts";
import { quote } from "./quote.ts";

export type MediaTypeReading = {
  /** Types the file may be taken for: lower case, without parameters. None: nobody knows. */
  readonly types: readonly string[];
  /** Whether the file's first bytes would tell more. */
  readonly certain: boolean;
  /** What was claimed and what was found, in words that begin a sentence. */
  readonly told: string;
};

/** What Fast.io and others call a type that they do not know. */
const UNKNOWN = new Set(["application/octet-stream", "binary/octet-stream", "application/unknown", ""]);

/** Formats that hold others: their first bytes need not tell which. */
const HOLDS: Readonly<Record<string, RegExp>> = {
  "application/zip":
    /^application\/(vnd\.(openxmlformats|oasis|ms-(excel|word|powerpoint|visio))|epub|java-archive|x-zip|vnd\.android)/,
  "application/x-cfb": /^application\/(msword|vnd\.(ms-|visio)|x-msi)/,
  "application/xml": /^(text\/(xml|html)|application\/xml|.*\+xml)$/,
  "application/ogg": /^(audio|video)\/(ogg|opus)/,
  "video/x-ms-asf": /^(audio\/x-ms-wma|video\/x-ms-wmv)$/,
  "video/mp4": /^(audio|video)\/(mp4|x-m4[av]|quicktime)$/,
  "video/webm": /^audio\/webm$/,
};

/** Types whose files are read as text. */
const TEXTUAL = /^text\/|[/+](json|xml|yaml|toml|javascript|sql|csv|x-sh|x-httpd-php|rtf|x-tex|x-subrip)$/;

/**
 * Which type a file is of. Fast.io tells it from the name, or as the uploader said; where that is unknown or name and type
 * disagree, the first bytes decide.
 * @param file `firstBytes`: undefined as long as nobody has read them
 */
export function readMediaType(file: {
  readonly fileName: string;
  readonly mimeType?: string | undefined;
  readonly firstBytes?: FirstBytes | undefined;
}): MediaTypeReading {
  // `text/plain; charset=utf-8` is text/plain: parameters are not part of the type.
  const bare = (file.mimeType ?? "").split(";", 1).join("").trim().toLowerCase();
  const claimed = UNKNOWN.has(bare) ? undefined : bare;
  const named = mime.getType(file.fileName) ?? undefined;
  const told = file.mimeType === undefined ? "media type is unknown" : `media type is ${quote(file.mimeType)}`;
  if (claimed !== undefined && (named === undefined || isSame(claimed, named)))
    return { types: [claimed], certain: true, told };

  const candidates = [named, claimed].filter((type) => type !== undefined);
  const both = named === undefined ? told : `${told}, by its name ${quote(named)}`;
  if (file.firstBytes === undefined) return { types: candidates, certain: false, told: both };
  return { ...decide(candidates, file.firstBytes, both), certain: true };
}

function decide(candidates: readonly string[], found: FirstBytes, told: string): Omit<MediaTypeReading, "certain"> {
  switch (found.kind) {
    case "format": {
      const { mimeType, extension } = found;
      const held = candidates.filter((type) => HOLDS[mimeType]?.test(type));
      const spellings = candidates.filter((type) => mime.getAllExtensions(type)?.has(extension));
      const types = held.length > 0 ? held : [...new Set([...spellings, mimeType, ...namesOf(extension)])];
      return { types, told: `${told}, by its first bytes ${quote(mimeType)}` };
    }
    case "text": {
      const textual = candidates.filter((type) => TEXTUAL.test(type));
      return { types: textual.length > 0 ? textual : ["text/plain"], told: `${told}, by its first bytes text` };
    }
    case "unknown": {
      const types = candidates.filter((type) => !TEXTUAL.test(type) && !showsInFirstBytes(type));
      return { types, told: `${told}, by its first bytes neither text nor a format that is known` };
    }
    default:
      return found satisfies never;
  }
}

/** Two names of one format, such as `audio/wav` and `audio/x-wav`. */
const isSame = (left: string, right: string): boolean =>
  left === right || [...(mime.getAllExtensions(left) ?? [])].some((one) => mime.getAllExtensions(right)?.has(one));

const namesOf = (extension: string): readonly string[] => {
  const type = mime.getType(extension);
  return type === null ? [] : [type];
};
