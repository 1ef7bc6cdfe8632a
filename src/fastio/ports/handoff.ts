/** A running offer of an organisation; its token is told once, when it is made. */
export type TransferOffer = {
  readonly id: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs?: number;
  readonly expiresAtMs?: number;
};

export type NewTransfer = {
  /** 64 characters; whoever has it can claim the organisation. */
  readonly token: string;
  readonly id?: string;
  /** Milliseconds since the Unix epoch: 72 hours from now unless the server says otherwise. */
  readonly expiresAtMs: number;
  /** Where a person claims it. */
  readonly claimUrl: string;
};

/** Handing an organisation to a person. */
export type FastioHandoff = {
  /** @throws {PermanentError} `conflict` when five are running already, with that as its next action */
  createTransfer(orgId: string, signal: AbortSignal): Promise<NewTransfer>;
  listTransfers(orgId: string, signal: AbortSignal): Promise<readonly TransferOffer[]>;
  /** One that is gone is fine. */
  deleteTransfer(orgId: string, transferId: string, signal: AbortSignal): Promise<void>;
};
