import { eq } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { signaturePins } from "./schema.ts";

export type SignaturePin = typeof signaturePins.$inferSelect;

/** How one verified delivery was signed. */
export type SeenSignature = {
  readonly secretPrint: string;
  readonly scheme: string;
  readonly keyForm: string | undefined;
};

export type PinOutcome =
  | { readonly kind: "pinned" | "same" }
  | { readonly kind: "changed"; readonly from: { readonly scheme: string; readonly keyForm: string | null } };

/**
 * The first verified delivery under a secret settles how that secret signs. One that is signed in another way, and
 * verified all the same, becomes the rule, and leaves a line for operators.
 */
export async function pinSignature(db: Db, seen: SeenSignature, nowMs: number): Promise<PinOutcome> {
  return db.transaction(async (tx) => {
    const { secretPrint, scheme } = seen;
    const keyForm = seen.keyForm ?? null;
    const made = await tx
      .insert(signaturePins)
      .values({ secretPrint, scheme, keyForm, firstSeenMs: nowMs, lastSeenMs: nowMs })
      .onConflictDoNothing()
      .returning({ secretPrint: signaturePins.secretPrint });
    if (made.length > 0) return { kind: "pinned" };
    const [pin] = await tx.select().from(signaturePins).where(eq(signaturePins.secretPrint, secretPrint)).for("update");
    if (pin === undefined) return { kind: "same" };
    if (pin.scheme === scheme && pin.keyForm === keyForm) {
      await tx.update(signaturePins).set({ lastSeenMs: nowMs }).where(eq(signaturePins.secretPrint, secretPrint));
      return { kind: "same" };
    }
    await tx
      .update(signaturePins)
      .set({
        scheme,
        keyForm,
        lastSeenMs: nowMs,
        previousScheme: pin.scheme,
        previousKeyForm: pin.keyForm,
        changedAtMs: nowMs,
      })
      .where(eq(signaturePins.secretPrint, secretPrint));
    const from = { scheme: pin.scheme, keyForm: pin.keyForm };
    await recordOperatorAction(tx, {
      atMs: nowMs,
      actor: "relay",
      action: "signature.changed",
      target: secretPrint,
      detail: { from, to: { scheme, keyForm } },
    });
    return { kind: "changed", from };
  });
}

/** How deliveries are signed, in words. */
export const wayOf = (scheme: string | null, keyForm: string | null): string =>
  `${scheme ?? "unknown"}${keyForm === null ? "" : ` (key: ${keyForm})`}`;

export async function listSignaturePins(db: Db): Promise<readonly SignaturePin[]> {
  return db.select().from(signaturePins);
}
