import type { z } from "zod";

/** What a schema of an answer describes, in the form that those who answer give it: nobody changes it on the way. */
export type Told<Schema extends z.ZodType> = Frozen<z.output<Schema>>;

type Frozen<Value> = Value extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : Value extends object
    ? { readonly [Name in keyof Value]: Frozen<Value[Name]> }
    : Value;
