/** Why a delivery was refused, for people, and what they can do about it. */
export type RefusalWords = { readonly why: string; readonly nextAction: string };

const ASK_CHECKER = "Paste the request into the signature check, which says what would make it match.";

const OF_SIGNATURES: Readonly<Record<string, RefusalWords>> = {
  missing: {
    why: "It brought no signature, or none with a time.",
    nextAction:
      "Look whether Fast.io was given a secret for this webhook, and whether a proxy strips its headers. Strangers who try the address look the same, and need nothing done.",
  },
  malformed: {
    why: "Its signature header is not written in a form that the relay knows.",
    nextAction: `${ASK_CHECKER} If Fast.io signs in a new way, the relay has to learn it.`,
  },
  mismatch: {
    why: "None of the secrets makes its signature over these bytes: another secret, or a body that was changed on the way.",
    nextAction: `Compare the print of the webhook's secret with those below. ${ASK_CHECKER}`,
  },
  unconfigured: {
    why: "The relay has no webhook secret, and refuses everything until it has one.",
    nextAction: "Register a webhook, or set FASTIO_WEBHOOK_SECRETS or FASTIO_WEBHOOK_SECRETS_FILE.",
  },
};

const OTHERS: Readonly<Record<string, RefusalWords>> = {
  stale: {
    why: "Its signature is more than five minutes away from the relay's clock: it was delayed, sent again by somebody, or a clock is wrong.",
    nextAction: "Compare the time in its signature with when it came. If all are off alike, set this machine's clock.",
  },
  content_type: {
    why: "It did not say that it is JSON.",
    nextAction: "Look at its content-type: a proxy may have changed it, or it is not from Fast.io.",
  },
  too_large: {
    why: "It is larger than the 1 MiB that a delivery may have; events name files and do not hold them.",
    nextAction: "Look who sends to this address.",
  },
  shape: {
    why: "Its content is no event.",
    nextAction:
      "If it is signed by Fast.io, its events have a form that the relay does not know: report it with the body.",
  },
  batch: {
    why: "A batch of the edge worker was refused as a whole.",
    nextAction: "Set the same EDGE_SECRET here and at the edge, and look at both clocks.",
  },
};

/** @param reason as the ledger has it: a kind, a colon, and a detail */
export function refusalWords(reason: string): RefusalWords {
  const [kind = "", detail = ""] = reason.split(": ", 2);
  const words = kind === "signature" ? OF_SIGNATURES[detail] : OTHERS[kind];
  if (!words) return { why: reason, nextAction: ASK_CHECKER };
  return kind === "shape" || kind === "batch"
    ? { ...words, why: `${words.why.replace(/\.$/, "")} (${detail}).` }
    : words;
}
