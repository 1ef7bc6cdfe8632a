import { type FailureCode, PermanentError } from "../../src/errors.ts";

/** The caller asked for something it may not have, or that is not there: its to mend, not the relay's. */
export class ToolRefusal extends PermanentError {
  /** HTTP status of the answer. */
  readonly answer: RefusalStatus;

  constructor(answer: RefusalStatus, code: FailureCode, message: string, nextAction: string) {
    super(code, message, { nextAction });
    this.answer = answer;
  }
}

export type RefusalStatus = 400 | 403 | 404 | 409 | 413 | 422;

/** 400: the input cannot be used as it is. */
export const malformed = (message: string, nextAction = "Correct the input and call again."): ToolRefusal =>
  new ToolRefusal(400, "invalid_request", message, nextAction);

/** 404: what is named is not there, or not for this caller, who is not to learn which. */
export const missing = (message: string, nextAction: string): ToolRefusal =>
  new ToolRefusal(404, "not_found", message, nextAction);
