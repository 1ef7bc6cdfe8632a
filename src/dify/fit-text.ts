/**
 * A text as long as an input takes it, with an ellipsis when something was cut off.
 * @param limit characters as Dify counts them, which is by code point; undefined or 0: any number
 */
export function fitText(text: string, limit: number | undefined): string {
  if (limit === undefined || limit <= 0) return text;
  const chars = [...text];
  return chars.length <= limit ? text : `${chars.slice(0, limit - 1).join("")}…`;
}
