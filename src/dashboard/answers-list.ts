import { html } from "hono/html";
import type { ToldAnswer, ToldEnding } from "../../handlers/run-schemas.ts";
import type { Markup } from "./layout.ts";

const STATES = {
  waiting: "not asked yet",
  asked: "waits for its answer",
  answered: "answered",
  unanswered: "no answer",
} as const;

/** Questions put to Fast.io, with their answers. */
export const answersList = (answers: readonly ToldAnswer[]): Markup =>
  html`<ul>${answers.map(
    ({ name, state, question, answer, foundIn, note }) =>
      html`<li>${question ?? name} <span class="soft">${[
        `${name}, ${STATES[state]}`,
        ...(note === null ? [] : [note]),
        ...(foundIn.length === 0 ? [] : [`found in ${foundIn.map((file) => file.name).join(", ")}`]),
      ].join("; ")}</span>${answer === null ? "" : html`<pre>${answer}</pre>`}</li>`,
  )}</ul>`;

/** How far those who are told of the ending have been. */
export const toldWords = (told: readonly ToldEnding[]): string =>
  told
    .map(({ by, state, error }) => {
      const words = { waiting: "waits", done: "left", given_up: "given up" }[state];
      return `${by}: ${by === "notice" && state === "done" ? "sent" : words}${error === null ? "" : ` (${error})`}`;
    })
    .join("; ");
