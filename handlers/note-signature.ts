import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { pinSignature, type SeenSignature } from "../src/ledger/signature-pins.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";

export type NoteSignatureDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Prints of the secrets that are live, newest first. */
  readonly secretPrints: () => readonly string[];
};

const NOTE_EVERY_MS = 60_000;

/** Told of each verified delivery, after its commit; must not throw and is not waited for. */
export type NoteSignature = (seen: SeenSignature) => void;

/**
 * Settles with the first verified delivery how a secret signs, and reports when that changes. The ledger is asked
 * once a minute for each way of signing, not for each delivery; so it also knows when a secret signed last.
 */
export function createNoteSignature({ db, clock, log, secretPrints }: NoteSignatureDeps): NoteSignature {
  const lastWays = new Map<string, string>();
  const settle = async (seen: SeenSignature): Promise<void> => {
    const { secretPrint, scheme, keyForm } = seen;
    const outcome = await pinSignature(db, seen, clock.now());
    switch (outcome.kind) {
      case "pinned": {
        log.info("signature.pinned", { secretPrint, scheme, keyForm });
        const [newest, ...older] = secretPrints();
        if (older.length > 0 && secretPrint === newest) {
          log.info("signature.newest_seen", {
            secretPrint,
            nextAction: "Fast.io signs with the newest secret now: the older ones can leave FASTIO_WEBHOOK_SECRETS",
          });
        }
        return;
      }
      case "changed":
        log.warn("signature.changed", { secretPrint, from: outcome.from, to: { scheme, keyForm } });
        return;
      case "same":
        return;
      default:
        outcome satisfies never;
    }
  };

  return (seen) => {
    const way = `${seen.scheme} ${seen.keyForm ?? ""} ${Math.floor(clock.now() / NOTE_EVERY_MS)}`;
    if (lastWays.get(seen.secretPrint) === way) return;
    lastWays.set(seen.secretPrint, way);
    settle(seen).catch((error: unknown) => {
      lastWays.delete(seen.secretPrint); // the next delivery tries again
      log.warn("signature.not_noted", { secretPrint: seen.secretPrint, message: messageOf(error) });
    });
  };
}
