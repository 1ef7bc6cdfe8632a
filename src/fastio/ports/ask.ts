/** Where an answer found something. */
export type Citation = {
  readonly nodeId: string;
  readonly versionId?: string;
  readonly page?: number;
  readonly snippet?: string;
  /** Seconds into a recording, or as the server wrote it. */
  readonly timestamp?: string;
};

/** Names one question on its way; enough to wait for it in another process. */
export type AskHandle = {
  readonly workspaceId: string;
  readonly chatId: string;
  readonly messageId: string;
  /** Which of the three families of routes took it. */
  readonly family: "agent" | "chat" | "guide";
};

export type AskOutcome = { readonly handle: AskHandle } & (
  | { readonly kind: "answered"; readonly text: string; readonly citations: readonly Citation[] }
  /** Fast.io asks back; answer with `followUp`. */
  | { readonly kind: "clarification"; readonly question: string; readonly type?: string }
  | { readonly kind: "failed"; readonly state: string }
  | { readonly kind: "cancelled" }
);

export type AskWish = {
  readonly workspaceId: string;
  /** 1 to 12,768 characters, what every version of the service takes. */
  readonly question: string;
  /** To look in all files of the workspace; where nothing is named, some servers look in none. */
  readonly anywhere?: boolean | undefined;
  /** Node ids of folders to look in. */
  readonly folders?: readonly string[] | undefined;
  /** Files to look in; without a version, the current one. */
  readonly files?: readonly { readonly nodeId: string; readonly versionId?: string | undefined }[] | undefined;
};

export type AskOptions = {
  /** Told before the wait begins: remember the handle, and a crash costs no second question. */
  readonly onAsked?: (handle: AskHandle) => void | Promise<void>;
  /** Milliseconds to wait for the answer. Default 300,000. */
  readonly timeoutMs?: number;
};

export type Askability =
  | { readonly kind: "ready" }
  /** The workspace has its intelligence switched off. */
  | { readonly kind: "switched_off" }
  /** These files would be passed over. */
  | {
      readonly kind: "not_indexed";
      readonly files: readonly { readonly nodeId: string; readonly why: "off" | "pending" | "failed" | "gone" }[];
    };

/** Questions to Fast.io's own AI. A plan or credits that do not allow it reject as `plan_required`. */
export type FastioAsk = {
  /** Asks and waits. @throws {TransientError} `timed_out`; wait on with `awaitAnswer` */
  ask(wish: AskWish, options: AskOptions, signal: AbortSignal): Promise<AskOutcome>;
  awaitAnswer(handle: AskHandle, options: Pick<AskOptions, "timeoutMs">, signal: AbortSignal): Promise<AskOutcome>;
  /** A further question in the same chat, or the reply to a clarification. */
  followUp(handle: AskHandle, question: string, options: AskOptions, signal: AbortSignal): Promise<AskOutcome>;
  cancelAsk(handle: AskHandle, signal: AbortSignal): Promise<"cancelled" | "nothing_pending">;
  /** Whether a question about these files can be answered well. */
  isAskable(
    scope: { readonly workspaceId: string; readonly files?: readonly string[] | undefined },
    signal: AbortSignal,
  ): Promise<Askability>;
};
