import { styleText } from "node:util";
import type { CliContext } from "./context.ts";

type Colour = "green" | "red" | "yellow" | "cyan" | "bold" | "dim";

/** Colours a text where standard output takes colours. */
export const paint = ({ hasColour }: Pick<CliContext, "hasColour">, colour: Colour, text: string): string =>
  hasColour ? styleText(colour, text, { validateStream: false }) : text;

/** How each status of a run looks; those that go on by themselves stay plain. */
const STATUS_COLOURS: Readonly<Record<string, Colour>> = {
  delivered: "green",
  failed: "red",
  cancelled: "red",
  held: "yellow",
  paused: "yellow",
  skipped: "dim",
};

export function paintStatus(context: Pick<CliContext, "hasColour">, status: string, text = status): string {
  const colour = Object.hasOwn(STATUS_COLOURS, status) ? STATUS_COLOURS[status] : undefined;
  return colour === undefined ? text : paint(context, colour, text);
}
