import { PermanentError } from "../../errors.ts";
import type { Fastio, FastioShare, ShareWish } from "../types.ts";
import type { Api } from "./api.ts";
import { isRouteMissing, type Speak } from "./dialect.ts";
import { byOffset, collect } from "./paging.ts";
import { readGuestRows, readShare, readShareRows, readWebhook } from "./readers.ts";
import { common, guide, reference } from "./routes.ts";

type Shares = Pick<Fastio, "findShare" | "createShare" | "listShares" | "invite" | "listGuests" | "registerWebhook">;

/** Shares and the people in them. Nothing here is sent twice; what may exist already is looked for instead. */
export function createShares({ api, speak }: { readonly api: Api; readonly speak: Speak }): Shares {
  const findShare: Shares["findShare"] = async (customName, signal) => {
    const call = common.share(customName);
    try {
      return readShare(await api.call(call, signal), call.operation);
    } catch (error) {
      if (error instanceof PermanentError && error.code === "not_found") return undefined;
      throw error;
    }
  };

  const create = async (wish: ShareWish, signal: AbortSignal): Promise<FastioShare> => {
    const payload = await speak("share.create", {
      reference: () => api.call(reference.createShare(wish), signal),
      guide: () => api.call(guide.createShare(wish), signal),
    });
    const share = readShare(payload, "fastio.share.create");
    return { folderNodeId: wish.folderNodeId, customName: wish.customName, title: wish.title, ...share };
  };

  const listGuests: Shares["listGuests"] = (shareId, signal) =>
    collect(byOffset((offset, limit) => api.call(common.guests(shareId, offset, limit), signal), readGuestRows));

  return {
    findShare,
    listGuests,

    createShare: async (wish, signal) => {
      if (wish.access === "link" && wish.type !== "send") {
        throw new PermanentError("invalid_request", "fastio.share.create: only send shares may be open to anyone", {
          operation: "fastio.share.create",
          nextAction: "Set `type: send`, or another `access`, in the rule's `deliver` part.",
        });
      }
      try {
        return await create(wish, signal);
      } catch (error) {
        // A taken name has been seen as a conflict and as an invalid field: only looking tells whether it is ours.
        const maybeThere =
          error instanceof PermanentError && (error.code === "conflict" || error.code === "invalid_request");
        const share = maybeThere ? await findShare(wish.customName, signal) : undefined;
        if (share === undefined) throw error;
        return share;
      }
    },

    listShares: (workspaceId, signal) =>
      byOffset(
        (offset, limit) => api.call(common.shares(workspaceId, offset, limit), signal),
        (payload) => readShareRows(payload, "fastio.share.list"),
      ),

    invite: async (shareId, { email, message }, signal) => {
      try {
        await api.call(common.invite(shareId, email, message), signal);
      } catch (error) {
        if (!(error instanceof PermanentError) || !["conflict", "invalid_request"].includes(error.code)) throw error;
        const guests = await listGuests(shareId, signal);
        if (!guests.some((guest) => guest.email.toLowerCase() === email.toLowerCase())) throw error;
      }
    },

    registerWebhook: async (hook, signal) => {
      const call = guide.registerWebhook(hook);
      try {
        return readWebhook(await api.call(call, signal), call.operation);
      } catch (error) {
        if (!isRouteMissing(error)) throw error;
        throw new PermanentError("unsupported_here", `${call.operation}: this server offers no webhooks`, {
          operation: call.operation,
          cause: error,
          nextAction: "Leave catch-up switched on: it finds the same events by asking.",
        });
      }
    },
  };
}
