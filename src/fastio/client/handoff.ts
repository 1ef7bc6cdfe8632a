import type { Clock } from "../../clock.ts";
import { PermanentError } from "../../errors.ts";
import type { FastioHandoff, TransferOffer } from "../ports/handoff.ts";
import { claimPageUrl } from "../web-links.ts";
import type { Api } from "./api.ts";
import { isNotFound } from "./dialect.ts";
import { at, known, needText, pickRows, pickText } from "./pick.ts";
import { readTime } from "./read-time.ts";
import { transfers } from "./routes/handoff.ts";

const LIFE_MS = 72 * 3_600_000;
/** Offers an organisation may have running. */
const MOST_RUNNING = 5;
const CONTAINERS = ["transfer", "transfer_token"];

/** Transfer tokens of an organisation: whoever opens the link becomes its owner. */
export function createHandoff({
  api,
  clock,
}: {
  readonly api: Api;
  readonly clock: Pick<Clock, "now">;
}): FastioHandoff {
  const listTransfers: FastioHandoff["listTransfers"] = async (orgId, signal) =>
    readOffers(await api.call(transfers.list(orgId), signal));

  /** The limit has no code of its own, so a refusal is explained by counting. */
  const explain = async (orgId: string, refusal: PermanentError, signal: AbortSignal): Promise<PermanentError> => {
    const now = clock.now();
    const offers = await listTransfers(orgId, signal).catch(() => []);
    const running = offers.filter(({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > now);
    if (running.length < MOST_RUNNING) return refusal;
    return new PermanentError("conflict", `${refusal.operation}: ${MOST_RUNNING} transfers are running already`, {
      operation: refusal.operation,
      status: refusal.status,
      requestId: refusal.requestId,
      upstreamCode: refusal.upstreamCode,
      cause: refusal,
      nextAction: "Delete one of the running transfers, or wait until one expires.",
    });
  };

  return {
    listTransfers,

    createTransfer: async (orgId, signal) => {
      const call = transfers.create(orgId);
      try {
        const payload = await api.call(call, signal);
        const token = needText(payload, call.operation, ["token", "transfer_token"], CONTAINERS);
        const expiry = pickText(payload, ["expires", "expires_at"], CONTAINERS);
        return {
          token,
          claimUrl: claimPageUrl(token),
          expiresAtMs: readTime(expiry) ?? clock.now() + LIFE_MS,
          ...known({ id: pickText(payload, ["id", "token_id"], CONTAINERS) }),
        };
      } catch (error) {
        const refused = error instanceof PermanentError && !["unauthorized", "unsupported_here"].includes(error.code);
        throw refused && !isNotFound(error) ? await explain(orgId, error, signal) : error;
      }
    },

    deleteTransfer: async (orgId, transferId, signal) => {
      try {
        await api.call(transfers.remove(orgId, transferId), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

const readOffers = (payload: unknown): readonly TransferOffer[] =>
  (pickRows(payload, ["tokens", "transfer_tokens", "transfers", "items"]) ?? []).flatMap((row) => {
    const id = pickText(row, ["id", "token_id"]);
    if (id === undefined) return [];
    return [
      {
        id,
        ...known({
          createdAtMs: readTime(row["created"]),
          expiresAtMs: readTime(at(row, "expires") ?? at(row, "expires_at")),
        }),
      },
    ];
  });
