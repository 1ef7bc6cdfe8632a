/** One field that is missing or wrong, as Fast.io lists them in `error.params`. */
export type FieldRow = {
  readonly name: string;
  readonly kind: "missing" | "invalid";
  readonly message: string;
  readonly code: number;
  readonly expected_type?: string;
  /** The name the caller probably meant this field by. */
  readonly received_alias?: string;
};

/** A refusal on its way to the caller: HTTP status, Fast.io's code and words. */
export class ApiRefusal extends Error {
  readonly status: number | "validation" | "denied";
  readonly code: number;
  readonly params: unknown;

  /** @param status `validation` and `denied` take whichever the emulator is set to use for bad input, and for strangers */
  constructor(status: number | "validation" | "denied", code: number, text: string, params?: unknown) {
    super(text);
    this.name = "ApiRefusal";
    this.status = status;
    this.code = code;
    this.params = params;
  }
}

export const notFound = (what: string): ApiRefusal => new ApiRefusal(404, 1609, `The ${what} was not found.`);
export const unknownRoute = (): ApiRefusal => new ApiRefusal(404, 9992, "The requested endpoint does not exist.");
export const unauthorized = (): ApiRefusal => new ApiRefusal(401, 10011, "A valid credential is required.");
/** For who is not in a place at all. */
export const denied = (): ApiRefusal => new ApiRefusal("denied", 10545, "You are not authorised for this profile.");
/** For who is, or need not be, and may not do this. */
export const forbidden = (): ApiRefusal => new ApiRefusal(403, 1680, "You may not do this here.");
export const conflict = (text: string, params?: unknown): ApiRefusal => new ApiRefusal(409, 1660, text, params);
export const tooLarge = (text: string): ApiRefusal => new ApiRefusal(413, 1605, text);
/** The mode or state of the thing does not allow this. */
export const notAcceptable = (text: string, code = 1605): ApiRefusal => new ApiRefusal(406, code, text);
export const sizesDiffer = (got: number, size: number): ApiRefusal =>
  notAcceptable(`The chunks (${got}) do not match size (${size}).`, 10522);
export const invalidInput = (rows: readonly FieldRow[]): ApiRefusal =>
  new ApiRefusal("validation", 1605, `Invalid input: ${rows.map((row) => row.name).join(", ")}.`, rows);
export const invalidField = (name: string, message: string): ApiRefusal =>
  invalidInput([{ name, kind: "invalid", message, code: 10023 }]);
