import type { z } from "zod";
import type { Told } from "../../../handlers/told.ts";
import type { Role } from "../../config.ts";
import type { Faults } from "./read-asked.ts";

/** What is answered when it went well: JSON that fits a schema, or a stream of one of some media types. */
type AnswerSpec =
  | { readonly description: string; readonly schema: z.ZodType; readonly example?: unknown }
  | { readonly description: string; readonly mediaTypes: readonly string[]; readonly example?: string };

/** Refusals that an operation has for reasons of its own. Those of access and of malformed requests come by themselves. */
export type RefusalStatus = 404 | 409 | 502;

/**
 * One operation of the JSON API, declared once: the route is mounted from it, the OpenAPI document is written from it,
 * and what its handler may answer is inferred from it.
 */
export type OperationSpec = {
  /** Its name in the document: camelCase, unique. */
  readonly id: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With its parameters in braces, as OpenAPI writes them. */
  readonly path: `/api/${string}`;
  /** The group it stands in. */
  readonly tag: string;
  /** null: whoever asks. */
  readonly role: Role | null;
  readonly summary: string;
  readonly description: string;
  /** What stands in the braces of the path. What does not fit names nothing: 404. */
  readonly params?: z.ZodObject;
  /** Strict, each member readable from text, none required. What does not fit: 400. */
  readonly query?: z.ZodObject;
  /** Strict. No body at all counts as `{}`. What does not fit: 400. */
  readonly body?: z.ZodObject;
  readonly bodyExample?: unknown;
  /** What a body may have, in bytes; 4,096 unless said otherwise. */
  readonly maxBodyBytes?: number;
  readonly answers: { readonly [Status in 200 | 201 | 202]?: AnswerSpec };
  /** In words for the document; the answer itself says more where it can. */
  readonly refusals?: { readonly [Status in RefusalStatus]?: string };
};

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : Readonly<Record<never, never>>;

/** A request that fits its operation. */
export type Asked<Spec extends OperationSpec> = {
  readonly params: Parsed<Spec["params"]>;
  readonly query: Parsed<Spec["query"]>;
  readonly body: Parsed<Spec["body"]>;
};

type Success<Answers> = {
  [Status in keyof Answers]: Answers[Status] extends { readonly schema: infer Schema extends z.ZodType }
    ? { readonly status: Status; readonly body: Told<Schema> }
    : { readonly status: Status; readonly response: Response };
}[keyof Answers];

/** Why it was not done. */
export type Refused<Status = RefusalStatus | 400 | 503> = {
  readonly status: Status;
  readonly error: string;
  /** Which of several reasons that share the status, in a word for programs. */
  readonly code?: string;
  readonly faults?: Faults;
};

/** What the handler of an operation may answer. 400 is for what only it can find wrong, 503 for what passes. */
export type Answer<Spec extends OperationSpec> =
  | Success<Spec["answers"]>
  | Refused<400 | 503>
  | (Spec["refusals"] extends object ? Refused<keyof Spec["refusals"]> : never);

/** Keeps the exact types of a declaration. */
export const operation = <const Spec extends OperationSpec>(spec: Spec): Spec => spec;
