/** Whom a run or an upload belongs to: the `user` of a call. */
export type EndUser = {
  readonly id: string;
  readonly sessionId: string;
  readonly appId: string;
  readonly createdAtMs: number;
};
