import { z } from "zod";
import type { ControlRoute } from "../kit/controls.ts";
import { DEFAULT_KNOBS, type FastioKnobs } from "./knobs.ts";
import type { ScriptedAnswer } from "./store/chats.ts";

const answerSchema = z.strictObject({
  state: z.enum(["complete", "failed", "lost", "needs_input"]).optional(),
  text: z.string().optional(),
  citations: z
    .array(
      z.strictObject({
        nodeId: z.string(),
        versionId: z.string(),
        entries: z.array(
          z.strictObject({
            page: z.number().optional(),
            snippet: z.string().optional(),
            timestamp: z.number().optional(),
          }),
        ),
      }),
    )
    .optional(),
  clarification: z.strictObject({ type: z.string(), question: z.string() }).optional(),
});

/** The knobs among some options; the defaults where none is given. */
export function readKnobs(options: Partial<FastioKnobs>): FastioKnobs {
  return { ...DEFAULT_KNOBS, ...onlyKnobs(options) };
}

/** Knobs with a value, and nothing else. */
function onlyKnobs(options: object): Partial<FastioKnobs> {
  const known = Object.keys(DEFAULT_KNOBS);
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => known.includes(name) && value !== undefined),
  );
}

/** What is wrong with knobs that came over the wire; undefined when nothing is. */
function knobFault(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "knobs are a JSON object";
  const defaults: Record<string, unknown> = { ...DEFAULT_KNOBS };
  for (const [name, given] of Object.entries(value)) {
    if (!Object.hasOwn(defaults, name)) return `there is no knob ${name}`;
    if (typeof given !== typeof defaults[name]) return `the knob ${name} is a ${typeof defaults[name]}`;
  }
  return undefined;
}

/** What a test or a person does to the emulator from outside, beside faults. */
export type ControlActions = {
  readonly books: () => unknown;
  readonly knobs: () => FastioKnobs;
  readonly setKnobs: (knobs: Partial<FastioKnobs>) => void;
  readonly expireCursors: () => void;
  readonly answerNext: (answer: ScriptedAnswer) => void;
  readonly advance: (ms: number) => void;
  readonly mails: () => unknown;
  /** False when there is no such delivery. */
  readonly replay: (deliveryId: string) => boolean;
  readonly dropText: (name: string, content: string, folder: string | undefined) => Promise<unknown>;
  readonly reset: () => Promise<void>;
};

const fine = { status: 200, body: { ok: true } } as const;
const wrong = (error: string) => ({ status: 400, body: { error } });
const dropSchema = z.strictObject({ name: z.string().min(1), content: z.string(), folder: z.string().optional() });

export function controlRoutes(actions: ControlActions): readonly ControlRoute[] {
  const get = (path: string, does: string, read: () => unknown): ControlRoute => ({
    method: "GET",
    path,
    does,
    handle: () => ({ status: 200, body: read() }),
  });
  const post = (path: string, does: string, handle: ControlRoute["handle"]): ControlRoute => ({
    method: "POST",
    path,
    does,
    handle,
  });
  return [
    get("/__books", "tells everything that happened", actions.books),
    get("/__knobs", "tells how the knobs stand", actions.knobs),
    get("/__mails", "tells the mails it would have sent, with their codes", actions.mails),
    post("/__knobs", "turns knobs: {name: value}", (body) => {
      const fault = knobFault(body);
      if (fault !== undefined) return wrong(fault);
      actions.setKnobs(onlyKnobs(Object(body)));
      return fine;
    }),
    post("/__cursors/expire", "makes every cursor of the changes feed expire", () => {
      actions.expireCursors();
      return fine;
    }),
    post("/__ai", "settles the next answer: {state?, text?, citations?, clarification?}", (body) => {
      const parsed = answerSchema.safeParse(body);
      if (!parsed.success) return wrong(z.prettifyError(parsed.error));
      actions.answerNext(onlyGiven(parsed.data));
      return fine;
    }),
    post("/__clock/advance", "moves the clock on by ?ms=", (_body, query) => {
      const ms = Number(query.get("ms"));
      if (!(ms > 0)) return wrong("ms is a positive number");
      actions.advance(ms);
      return fine;
    }),
    post("/__deliveries/replay", "sends the delivery ?id= once more", (_body, query) =>
      actions.replay(query.get("id") ?? "") ? fine : { status: 404, body: { error: "no such delivery" } },
    ),
    post("/__drop", "drops a file into the sample workspace: {name, content, folder?}", async (body) => {
      const parsed = dropSchema.safeParse(body);
      if (!parsed.success) return wrong(z.prettifyError(parsed.error));
      const { name, content, folder } = parsed.data;
      return { status: 200, body: await actions.dropText(name, content, folder) };
    }),
    post("/__reset", "forgets everything and starts with the sample world again", async () => {
      await actions.reset();
      return fine;
    }),
  ];
}

/** The same answer without the keys nobody gave. */
function onlyGiven(answer: z.infer<typeof answerSchema>): ScriptedAnswer {
  const { state, text, citations, clarification } = answer;
  return {
    ...(state === undefined ? {} : { state }),
    ...(text === undefined ? {} : { text }),
    ...(citations === undefined
      ? {}
      : {
          citations: citations.map(({ nodeId, versionId, entries }) => ({
            nodeId,
            versionId,
            entries: entries.map(({ page, snippet, timestamp }) => ({
              ...(page === undefined ? {} : { page }),
              ...(snippet === undefined ? {} : { snippet }),
              ...(timestamp === undefined ? {} : { timestamp }),
            })),
          })),
        }),
    ...(clarification === undefined ? {} : { clarification }),
  };
}
