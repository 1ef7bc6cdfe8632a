/**
 * Behaviour of a span of Dify versions: P1 up to 1.12, P2 from 1.14 to 1.16, P3 from 1.17.
 * Read from the public sources of each line.
 */
export type Profile = "P1" | "P2" | "P3";

export type ProfileTraits = {
  readonly profile: Profile;
  /** Told in the `X-Version` header. */
  readonly version: string;
  /** Streams begin with a ping before the worker has started. */
  readonly leadingPing: boolean;
  /** Where a streaming call tells that its inputs are wrong. */
  readonly inputErrors: "status" | "frame" | "synthetic run";
  /** `GET /workflow/{id}/events` exists. */
  readonly events: boolean;
  /** Streams ping in silence, whether or not a worker has the run. */
  readonly streamPings: boolean;
  /** What follows an `error` frame of the engine: the stream's end, the idle limit, or an outcome made up. */
  readonly afterError: "end" | "silence" | "outcome";
  /** Workflows that begin with a trigger cannot be run through the Service API. */
  readonly refusesTriggers: boolean;
  /**
   * Whether `custom` is compared with the kind that a file turns out to have, as any other kind is: a document is then
   * taken by no variable that lists its extension alone (langgenius/dify#19083, #26346). So it was up to 1.14.
   */
  readonly comparesCustom: boolean;
  /** What is told of a run that has no record: that it is not found, or a record in which all is null. */
  readonly absentRun: "not found" | "nulls";
};

const TRAITS = {
  P1: {
    profile: "P1",
    version: "1.12.1",
    leadingPing: false,
    inputErrors: "status",
    events: false,
    streamPings: false,
    afterError: "end",
    refusesTriggers: false,
    comparesCustom: true,
    absentRun: "nulls",
  },
  P2: {
    profile: "P2",
    version: "1.14.2",
    leadingPing: true,
    inputErrors: "frame",
    events: true,
    streamPings: false,
    afterError: "silence",
    refusesTriggers: false,
    comparesCustom: true,
    absentRun: "not found",
  },
  P3: {
    profile: "P3",
    version: "1.17.0",
    leadingPing: true,
    inputErrors: "synthetic run",
    events: true,
    streamPings: true,
    afterError: "outcome",
    refusesTriggers: true,
    comparesCustom: false,
    absentRun: "not found",
  },
} as const satisfies Record<Profile, ProfileTraits>;

export function traitsOf(profile: Profile): ProfileTraits {
  return TRAITS[profile];
}
