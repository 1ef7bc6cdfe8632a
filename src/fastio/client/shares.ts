import type { Clock } from "../../clock.ts";
import { PermanentError } from "../../errors.ts";
import type { FastioShare, FastioShares, ShareChanges, ShareWish } from "../ports/shares.ts";
import { findShareFaults, type ShareFault, type ShareToCheck } from "../share-rules.ts";
import type { Api, Call } from "./api.ts";
import { isNotFound, orUndefined, type Speak } from "./dialect.ts";
import { createMembers } from "./members.ts";
import { byOffset } from "./paging.ts";
import { asText, at, known } from "./pick.ts";
import { readShare, readShareRows } from "./readers/shares.ts";
import { shares } from "./routes/shares.ts";
import { changeForm, guideForm, referenceForm, storageOf } from "./share-form.ts";

/** Changes whose rules depend on what the share is already. */
const BOUND = ["type", "access", "password", "expiresAtMs", "intelligence"] as const;

/** Shares and the people in them. Nothing is made twice; what may exist already is looked for instead. */
export function createShares({
  api,
  speak,
  clock,
}: {
  readonly api: Api;
  readonly speak: Speak;
  readonly clock: Pick<Clock, "now">;
}): FastioShares {
  const findShare: FastioShares["findShare"] = async (idOrName, signal) => {
    const call = shares.read(idOrName);
    return orUndefined(api.call(call, signal).then((payload) => readShare(payload, call.operation)));
  };

  const checkRules = (operation: string, share: ShareToCheck): void =>
    refuseFaults(operation, findShareFaults(share, clock.now()));

  const create = async (wish: ShareWish, signal: AbortSignal): Promise<FastioShare> => {
    const { workspaceId } = wish;
    const payload = await speak("share.create", {
      reference: () => api.call(shares.create(workspaceId, referenceForm(wish)), signal),
      guide: () => api.call(shares.guideCreate(workspaceId, guideForm(wish)), signal),
    });
    const asked = storageOf(wish) === "folder" ? wish.folderNodeId : undefined;
    return {
      ...known({ folderNodeId: asked }),
      customName: wish.customName,
      title: wish.title,
      ...readShare(payload, "fastio.share.create"),
    };
  };

  /** Some changes are legal or not by what the share is, so it is read first. */
  const checkChanges = async (shareId: string, changes: ShareChanges, signal: AbortSignal): Promise<void> => {
    const bound = BOUND.some((key) => changes[key] !== undefined && changes[key] !== null);
    const share = bound ? await findShare(shareId, signal) : undefined;
    checkRules("fastio.share.update", {
      ...known({ type: share?.type, access: share?.access }),
      ...known(changes),
      storage: share?.storage ?? "own",
    });
    const opens = { ...share, ...known({ type: changes.type, access: changes.access }) };
    if (
      share?.hasPassword === true &&
      changes.password === undefined &&
      !(opens.type === "send" && opens.access === "link")
    ) {
      refuseFaults("fastio.share.update", [
        {
          rule: "share_option_password_needs_link",
          says: "the share has a password, which needs a send share open to anyone with the link: clear it too",
        },
      ]);
    }
  };

  const done = async (call: Call, signal: AbortSignal): Promise<void> => {
    await api.call(call, signal);
  };

  return {
    ...createMembers({ api }),
    findShare,
    readShare: findShare,

    createShare: async (wish, signal) => {
      checkRules("fastio.share.create", { ...wish, storage: storageOf(wish) });
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

    updateShare: async (shareId, changes, signal) => {
      await checkChanges(shareId, changes, signal);
      const call = shares.update(shareId, changeForm(changes));
      return readShare(await api.call(call, signal), call.operation);
    },

    deleteShare: async (shareId, signal) => {
      try {
        await api.call(shares.remove(shareId), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },

    archiveShare: async (shareId, signal) => {
      const share = await findShare(shareId, signal);
      if (share?.storage === "folder") {
        refuseFaults("fastio.share.archive", [
          { rule: "share_option_archive_needs_own_storage", says: "a share that shows a folder cannot be archived" },
        ]);
      }
      await done(shares.archive(shareId), signal);
    },
    unarchiveShare: async (shareId, signal) => done(shares.unarchive(shareId), signal),

    listShares: (workspaceId, signal) =>
      byOffset(
        (offset, limit) => api.call(shares.list(workspaceId, offset, limit), signal),
        (payload) => readShareRows(payload, "fastio.share.list"),
      ),

    checkSharePassword: async (shareId, password, signal) => {
      const told = await api.ask(shares.password(shareId, password), signal);
      if (told.opened.kind === "payload") return true;
      const code = told.opened.kind === "problem" ? asText(at(told.opened.body, "error.code")) : undefined;
      if (told.status === 401 || code === "1650") return false;
      throw told.failure();
    },
  };
}

function refuseFaults(operation: string, faults: readonly ShareFault[]): void {
  if (faults.length === 0) return;
  throw new PermanentError(
    "invalid_request",
    `${operation}: ${faults.map(({ rule, says }) => `${rule}: ${says}`).join("; ")}`,
    {
      operation,
      nextAction: "Change what the rule's `deliver` part asks for.",
    },
  );
}
