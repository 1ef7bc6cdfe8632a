import type { SampleShape } from "../fastio/samples/sample-deliveries.ts";
import type { SampleScheme, Tampering } from "../fastio/samples/sign-sample.ts";

/** What `relay trigger` is told. */
export type TriggerOptions = {
  readonly shape: SampleShape;
  readonly scheme?: SampleScheme;
  readonly event: string;
  readonly node?: string;
  readonly workspace?: string;
  readonly actor?: string;
  readonly secretFile?: string;
  readonly tamper?: Tampering;
  readonly list: boolean;
  readonly wait: boolean;
  readonly json: boolean;
};

/** What the relay said to the sample. */
export type Answer = { readonly status: number; readonly said: unknown; readonly ms: number };
