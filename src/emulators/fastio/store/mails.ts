import type { Clock } from "../../../clock.ts";

/** A mail Fast.io would have sent; `code` is what the reader types or clicks. */
export type Mail = {
  readonly to: string;
  readonly kind: "verify_email" | "reset_password" | "two_factor" | "invitation";
  readonly code: string;
  readonly sentMs: number;
};

export type Mailbox = {
  send(mail: Omit<Mail, "sentMs">): void;
  all(): readonly Mail[];
};

/** Keeps mails instead of sending them. */
export function createMailbox(clock: Clock): Mailbox {
  const mails: Mail[] = [];
  return { send: (mail) => void mails.push({ ...mail, sentMs: clock.now() }), all: () => mails };
}
