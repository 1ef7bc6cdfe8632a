import { SAMPLE_SHAPES } from "../fastio/samples/sample-deliveries.ts";
import { SAMPLE_SCHEMES, type SampleScheme, TAMPERINGS } from "../fastio/samples/sign-sample.ts";
import { plain } from "../text/unseen.ts";
import type { CliContext, ExitCode } from "./context.ts";
import type { FollowedEvent } from "./follow-event.ts";
import { paint } from "./paint.ts";
import { formatTable } from "./print-table.ts";
import type { Answer, TriggerOptions } from "./triggering.ts";

/** What the relay said, and what became of it. */
export type Triggered = Answer & {
  readonly scheme: SampleScheme;
  readonly key: string | null;
  readonly followed: FollowedEvent | undefined;
};

/** @returns 0 when it went as it was meant to: taken and delivered, or refused when it was wrong on purpose */
export function tellTriggered(context: CliContext, { shape, tamper, json }: TriggerOptions, told: Triggered): ExitCode {
  const { status, said, ms, scheme, key, followed } = told;
  const isTaken = status === 202;
  // Whoever tampers wants to see a refusal.
  const asExpected = tamper === undefined ? isTaken : status === 401;
  const isGood = asExpected && (followed === undefined || isDelivered(followed));
  if (json) {
    const end = followed && {
      outcome: followed.kind,
      runs: followed.story?.runs ?? [],
      reasons: followed.story?.reasons ?? [],
    };
    context.print(JSON.stringify({ status, said, ms, shape, scheme, event: key, ok: isGood, ...(end && { end }) }));
    return isGood ? 0 : 1;
  }
  const colour = asExpected ? "green" : "red";
  context.print(
    `${paint(context, colour, String(status))}  ${plain(JSON.stringify(said))}  ${ms} ms  (${shape}, ${scheme})`,
  );
  if (tamper !== undefined) {
    if (asExpected) context.print(`Refused, as a delivery with a wrong ${tamper} must be.`);
    else context.warn(`a delivery with a wrong ${tamper} was not refused with 401`);
  } else if (!isTaken) {
    context.warn(`→ ${whatToDo(status)}`);
  } else if (followed !== undefined) {
    tellEnd(context, followed);
  } else if (key !== null) {
    context.print(`→ what became of it: relay events show ${key}`);
  }
  return isGood ? 0 : 1;
}

const isDelivered = ({ kind, story }: FollowedEvent): boolean =>
  kind === "ended" && story.runs.every(({ status }) => status === "delivered");

function tellEnd(context: CliContext, { kind, story }: FollowedEvent): void {
  switch (kind) {
    case "ended":
      for (const { id, status, nextAction } of story.runs) {
        if (status === "delivered") continue;
        context.warn(`→ ${plain(nextAction ?? `relay runs show ${id} tells more`)}`);
      }
      return;
    case "ignored":
      context.warn(story.status === "ignored" ? "no rule wanted it:" : "it made no run:");
      for (const { rule, reason } of story.reasons)
        context.warn(`  ${rule === "*" ? "" : `${rule}: `}${plain(reason)}`);
      return;
    case "unsettled":
      context.warn("it has not come to an end in time: relay runs tail follows it");
      return;
    default:
      kind satisfies never;
  }
}

function whatToDo(status: number): string {
  if (status === 401)
    return "the relay has another secret, or takes another scheme: compare FASTIO_WEBHOOK_SECRETS and FASTIO_SIGNATURE; its log says why (delivery.refused)";
  if (status === 503) return "its ledger cannot be written now: see its log and /readyz";
  if (status < 400 || status === 404 || status === 405 || status >= 500)
    return "this is no relay's receiver, or a proxy before one: check --url";
  return "the relay's log says why (delivery.refused)";
}

/** The shapes and schemes there are. */
export function listSamples(context: CliContext, json: boolean): ExitCode {
  const shapes = Object.entries(SAMPLE_SHAPES).map(([shape, { title, source }]) => ({ shape, title, source }));
  const schemes = Object.entries(SAMPLE_SCHEMES).map(([name, scheme]) => ({ name, scheme }));
  if (json) {
    context.print(JSON.stringify({ shapes, schemes, tamper: TAMPERINGS }));
    return 0;
  }
  context.print(
    formatTable(
      context,
      ["SHAPE", "BODY", "KNOWN FROM"],
      shapes.map(({ shape, title, source }) => [shape, title, source]),
    ),
  );
  context.print("");
  context.print(
    formatTable(
      context,
      ["SCHEME", "AS IN FASTIO_SIGNATURE"],
      schemes.map(({ name, scheme }) => [name, scheme]),
    ),
  );
  context.print("");
  context.print(`Wrong on purpose: --tamper ${TAMPERINGS.join(" | ")}`);
  return 0;
}
