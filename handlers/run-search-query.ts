import type { RunFilter, RunPlace } from "../src/ledger/run-filter.ts";
import { RUN_STATUSES } from "../src/ledger/run-statuses.ts";
import type { RunStep } from "../src/ledger/schema.ts";
import { PAGE_QUERY } from "./page-query.ts";
import { readNamePart, readPerson, readSearchTerm, type SearchTerm } from "./search-term.ts";

export const RUN_STEPS = [
  "ask",
  "fetch",
  "workflow",
  "collect",
  "folder",
  "place",
  "share",
  "invite",
  "cancel",
] as const satisfies readonly RunStep[];

/** What a list of runs may be narrowed by, in the order of the form. */
export const SEARCH_FIELDS = [
  "q",
  "file",
  "status",
  "rule",
  "workspace",
  "app",
  "person",
  "error",
  "step",
  "since",
  "until",
] as const;
export type SearchField = (typeof SEARCH_FIELDS)[number];

/** Query values by name; one that was given several times is a list. */
export type RawQuery = Readonly<Record<string, string | readonly string[] | undefined>>;

export type RunSearch = {
  readonly filter: RunFilter;
  readonly after: RunPlace | undefined;
  readonly limit: number;
  /** What was asked for and is usable, as it was written: an address made of it asks for the same. */
  readonly asked: Readonly<Partial<Record<SearchField, string>>>;
  /** How `q` was understood. */
  readonly understood: Exclude<SearchTerm["kind"], "unusable"> | null;
  /** What cannot be used, and why. */
  readonly problems: readonly QueryProblem[];
};

export type QueryProblem = { readonly name: string; readonly reason: string };

type Reading = { readonly use: Partial<RunFilter> } | { readonly refuse: string };

const MAX_WORD_CHARS = 256;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const AGO = /^(\d{1,6})\s*([smhdw])$/i;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(Z|[+-]\d{2}:?\d{2})?$/i;
const EPOCH_MS = /^\d{1,14}$/;

/** Reads what a list of runs is asked for. What is blank was not asked for; forms send it all the same. */
export function readRunSearch(raw: RawQuery, nowMs: number): RunSearch {
  const problems: QueryProblem[] = [];
  const asked: Partial<Record<SearchField, string>> = {};
  let filter: RunFilter = {};
  let understood: RunSearch["understood"] = null;
  for (const field of SEARCH_FIELDS) {
    const text = textOf(raw, field);
    if (text === "") continue;
    const reading = readField(field, text, nowMs, filter);
    if ("refuse" in reading) {
      problems.push({ name: field, reason: reading.refuse });
      continue;
    }
    if (field === "q") {
      const term = readSearchTerm(text);
      understood = term.kind === "unusable" ? null : term.kind;
    }
    filter = { ...filter, ...reading.use };
    asked[field] = text;
  }
  if (filter.sinceMs !== undefined && filter.untilMs !== undefined && filter.sinceMs >= filter.untilMs) {
    problems.push({ name: "until", reason: "is not after since" });
    const { untilMs: _none, ...rest } = filter;
    filter = rest;
    delete asked.until;
  }
  const changed = textOf(raw, "updatedAfterMs");
  if (EPOCH_MS.test(changed)) filter = { ...filter, updatedAfterMs: Number(changed) };
  else if (changed !== "")
    problems.push({ name: "updatedAfterMs", reason: "is no time in milliseconds since the epoch" });
  return { filter, ...readPage(raw, problems), asked, understood, problems };
}

/** The same name given several times says several values, as commas do. */
function textOf(raw: RawQuery, field: string): string {
  const given = Object.hasOwn(raw, field) ? (raw[field] ?? []) : [];
  const values = typeof given === "string" ? [given] : given;
  return values
    .map((value) => value.trim())
    .filter((value) => value !== "")
    .join(",");
}

function readField(field: SearchField, text: string, nowMs: number, sofar: RunFilter): Reading {
  switch (field) {
    case "q":
      return useTerm(readSearchTerm(text), sofar);
    case "file":
      return useTerm(readNamePart(text), sofar);
    case "person":
      return useTerm(readPerson(text), sofar);
    case "status":
      return readStatuses(text);
    case "rule":
      return readWord(text, "ruleName");
    case "workspace":
      return readWord(text, "workspace");
    case "app":
      return readWord(text, "app");
    case "error":
      return readWord(text, "errorCode");
    case "step": {
      const errorStep = RUN_STEPS.find((step) => step === text);
      return errorStep ? { use: { errorStep } } : { refuse: `is none of ${RUN_STEPS.join(", ")}` };
    }
    case "since":
      return readTime(text, nowMs, "sinceMs");
    case "until":
      return readTime(text, nowMs, "untilMs");
    default:
      return field satisfies never;
  }
}

/** Of two names of one kind none is to go unheeded. */
function useTerm(term: SearchTerm, sofar: RunFilter): Reading {
  switch (term.kind) {
    case "ids":
      return { use: { ids: term.ids } };
    case "link":
      return { use: { ids: term.ids, urls: term.urls } };
    case "person":
      return sofar.person === undefined ? { use: { person: term.person } } : { refuse: "q names a person already" };
    case "name":
      return sofar.name === undefined ? { use: { name: term.name } } : { refuse: "q is part of a file name already" };
    case "unusable":
      return { refuse: term.reason };
    default:
      return term satisfies never;
  }
}

function readStatuses(text: string): Reading {
  const words = text.split(",").flatMap((word) => word.trim().toLowerCase() || []);
  const unknown = words.find((word) => !RUN_STATUSES.some((status) => status === word));
  if (unknown !== undefined) return { refuse: `${shorten(unknown)} is none of ${RUN_STATUSES.join(", ")}` };
  const statuses = RUN_STATUSES.filter((status) => words.includes(status));
  return statuses.length === 0 ? { refuse: `is none of ${RUN_STATUSES.join(", ")}` } : { use: { statuses } };
}

function readWord(text: string, key: "ruleName" | "workspace" | "app" | "errorCode"): Reading {
  if (text.length > MAX_WORD_CHARS) return { refuse: `longer than ${MAX_WORD_CHARS} characters` };
  if (/[\p{Cc}\p{Cs}]/u.test(text)) return { refuse: "holds characters that no name has" };
  return { use: { [key]: text } };
}

/** A moment, or how long ago: `2026-11-22`, `2026-11-22T06:00` (UTC unless it says otherwise), `24h`, milliseconds. */
function readTime(text: string, nowMs: number, key: "sinceMs" | "untilMs"): Reading {
  const timeMs = readMoment(text, nowMs);
  return timeMs === undefined ? { refuse: NO_MOMENT } : { use: { [key]: timeMs } };
}

export const NO_MOMENT = "is no time such as 24h, 7d, 2026-11-22 or 2026-11-22T06:00";

/** A moment, or how long ago, in milliseconds since the epoch; undefined when it is neither. */
export function readMoment(text: string, nowMs: number): number | undefined {
  const ago = AGO.exec(text);
  const timeMs = ago
    ? nowMs - Number(ago[1]) * (UNIT_MS[(ago[2] ?? "s").toLowerCase()] ?? 0)
    : EPOCH_MS.test(text)
      ? Number(text)
      : DAY.test(text)
        ? Date.parse(`${text}T00:00:00Z`)
        : Date.parse(readZone(text));
  return Number.isFinite(timeMs) ? Math.max(0, timeMs) : undefined;
}

function readZone(text: string): string {
  const time = TIME.exec(text);
  if (!time) return "";
  return time[1] === undefined ? `${text.replace(" ", "T")}Z` : text.replace(" ", "T");
}

function readPage(raw: RawQuery, problems: QueryProblem[]): Pick<RunSearch, "after" | "limit"> {
  const before = textOf(raw, "before");
  const limit = textOf(raw, "limit");
  const after = PAGE_QUERY.before.safeParse(before === "" ? undefined : before);
  if (!after.success) problems.push({ name: "before", reason: "is no place in the list" });
  const count = PAGE_QUERY.limit.safeParse(limit === "" ? undefined : limit);
  if (!count.success) problems.push({ name: "limit", reason: "is no number from 1 to 500" });
  return { after: after.data, limit: count.data ?? PAGE_QUERY.limit.parse(undefined) };
}

/** What a person reads is not to be made long by what was sent. */
const shorten = (word: string): string => (word.length > 40 ? `${word.slice(0, 40)}…` : word);
