import { readFileSync } from "node:fs";
import type { Clock } from "../src/clock.ts";
import { secretsIn } from "../src/disk/keep-secret.ts";
import { checkSecrets } from "../src/fastio/signatures/derive-keys.ts";
import { createExplainer, type ExplainSignature } from "../src/fastio/signatures/explain-signature.ts";
import {
  createVerifier,
  type VerifierSettings,
  type VerifyDelivery,
} from "../src/fastio/signatures/verify-delivery.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import { secretPrint } from "./take-delivery.ts";

export type LiveSecretsDeps = {
  /** Secrets that are always live. */
  readonly secrets: readonly string[];
  /** A file with further ones, newest first, separated by commas or lines; they come before the others. */
  readonly file: string | undefined;
  readonly scheme: VerifierSettings["scheme"];
  readonly clock: Clock;
  readonly log: Log;
};

export type LiveSecrets = {
  readonly verify: VerifyDelivery;
  /** Prints of the secrets in the verifier's order, newest first. */
  readonly prints: () => readonly string[];
  /** Why a request's signature is right or wrong, by the secrets that are live. */
  readonly explain: ExplainSignature;
  /** Looks into the file now: this process has written a secret there. */
  readonly lookAgain: () => void;
};

/** Strangers can make us look into the file, but not more often than this. */
const LOOK_EVERY_MS = 1_000;

/**
 * A verifier that looks into the file again when a delivery matches none of the secrets it knows, so that a rotation
 * needs no restart: the first delivery under a new secret is already accepted.
 */
export function createLiveSecrets({ secrets, file, scheme, clock, log }: LiveSecretsDeps): LiveSecrets {
  const build = (live: readonly string[]) => ({
    text: live.join(),
    verify: createVerifier({ secrets: live, scheme }),
    prints: live.map(secretPrint),
    explain: createExplainer(live),
  });
  const read = () => readSecrets({ secrets, file });
  let lookedAtMs = clock.now();
  const look = (known: ReturnType<typeof build>): ReturnType<typeof build> => {
    lookedAtMs = clock.now();
    try {
      const found = build(read());
      if (found.text === known.text) return known;
      log.info("signature.secrets_read", { secrets: found.prints.length });
      return found;
    } catch (error) {
      // The file may be about to be made; what is known stays live.
      log.warn("signature.secrets_unread", { message: messageOf(error) });
      return known;
    }
  };

  let now = file === undefined ? build(secrets) : look(build(secrets));
  return {
    prints: () => now.prints,
    explain: (request, nowMs) => now.explain(request, nowMs),
    lookAgain: () => {
      if (file !== undefined) now = look(now);
    },
    verify: (delivery, nowMs) => {
      const verdict = now.verify(delivery, nowMs);
      const strange =
        verdict.kind === "refused" && (verdict.reason === "mismatch" || verdict.reason === "unconfigured");
      if (!strange || file === undefined || clock.now() - lookedAtMs < LOOK_EVERY_MS) return verdict;
      const before = now;
      now = look(before);
      return now === before ? verdict : now.verify(delivery, nowMs);
    },
  };
}

/** All that are live, newest first. @throws when the file cannot be read, or holds what is no secret */
function readSecrets({ secrets, file }: Pick<LiveSecretsDeps, "secrets" | "file">): readonly string[] {
  if (file === undefined) return [...new Set(secrets)];
  const live = [...new Set([...secretsIn(readFileSync(file)), ...secrets])];
  checkSecrets(live, "FASTIO_WEBHOOK_SECRETS_FILE");
  return live;
}

/** Prints of the secrets that are live now, newest first, where no delivery is verified. */
export function liveSecretPrints(from: Pick<LiveSecretsDeps, "secrets" | "file">): readonly string[] {
  try {
    return readSecrets(from).map(secretPrint);
  } catch {
    return from.secrets.map(secretPrint);
  }
}
