/**
 * Characters that show nothing and change what is beside them, or what a terminal does: control characters, marks that
 * turn the direction of writing, blanks without width. Joiners are not among them: emoji, and names in Persian or Hindi,
 * are written with them.
 */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}]|(?!\p{Join_Control}|[\u{E0020}-\u{E007F}])\p{Cf}/gu;
const INSTEAD = "\uFFFD";

/** A name or a sentence of a stranger, in one line of which all can be seen: `exe.fdp` stays what it is. */
export const plain = (text: string): string => text.replace(UNSEEN, INSTEAD);

/** The same of a text of several lines. */
export const plainLines = (text: string): string =>
  text.replace(UNSEEN, (unseen) => (unseen === "\n" || unseen === "\t" ? unseen : INSTEAD));

/** A form's own field goes back as it came, and what stands in tags is read by browsers alone. */
const OF_MARKUP = /<textarea\b[^>]*>[^<]*<\/textarea>|<[^>]*>/.source;
const UNSEEN_IN_PAGE = new RegExp(`${OF_MARKUP}|${UNSEEN.source}`, "gu");

/** The same of what people read of a page. @param markup in which all values are escaped */
export const plainMarkup = (markup: string): string =>
  markup.replace(UNSEEN_IN_PAGE, (found) => (/^[<\t\n\r]/.test(found) ? found : INSTEAD));

/** Lines of JSON that say the same and show all of it: escaped, as JSON itself has it of characters below U+0020. */
export const plainJson = (lines: string): string =>
  lines.replace(UNSEEN, (unseen) => (unseen === "\n" ? unseen : unseen.replace(/./gs, escaped)));

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
