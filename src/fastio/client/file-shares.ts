import type { Clock } from "../../clock.ts";
import { PermanentError } from "../../errors.ts";
import type { FastioFileShares, FileShareAccess, FileShareGrantee } from "../ports/file-shares.ts";
import type { Api } from "./api.ts";
import { isNotFound, orUndefined } from "./dialect.ts";
import { byOffset, collect } from "./paging.ts";
import { writeTime } from "./read-time.ts";
import { readFileShare, readFileShareRows, readGrantRows } from "./readers/shares.ts";
import { fileShares } from "./routes/shares.ts";

const ACCESS: Readonly<Record<FileShareAccess, string>> = {
  link: "anyone_with_link",
  registered: "any_registered",
  named: "named_people",
};

/** A hundred years, the furthest expiry the service takes. */
const LONGEST_LIFE_MS = 3_155_760_000 * 1_000;

/** Links to single files. Present servers only: what is missing rejects as `unsupported_here`. */
export function createFileShares({
  api,
  clock,
}: {
  readonly api: Api;
  readonly clock: Pick<Clock, "now">;
}): FastioFileShares {
  const checked = (
    operation: string,
    {
      title,
      password,
      expiresAtMs,
    }: { title?: string | undefined; password?: string | null | undefined; expiresAtMs?: number | null | undefined },
  ): void => {
    const faults: string[] = [];
    // Empty texts clear: a password left empty by mistake would open the file to anyone.
    if (title !== undefined && (title === "" || [...title].length > 255))
      faults.push("share_option_title_length: a file share's title has 1 to 255 characters");
    if (typeof password === "string" && (password === "" || [...password].length > 255))
      faults.push("share_option_password_length: a password has 1 to 255 characters");
    const lifeMs = typeof expiresAtMs === "number" ? expiresAtMs - clock.now() : 1_000;
    if (!(lifeMs > 0 && lifeMs <= LONGEST_LIFE_MS))
      faults.push("share_option_expiry_range: an expiry lies ahead, by at most a hundred years");
    if (faults.length > 0)
      throw new PermanentError("invalid_request", `${operation}: ${faults.join("; ")}`, { operation });
  };

  return {
    createFileShare: async (wish, signal) => {
      checked("fastio.file_share.create", wish);
      const call = fileShares.create(wish.workspaceId, {
        node: wish.nodeId,
        title: wish.title,
        access_option: wish.access === undefined ? undefined : ACCESS[wish.access],
        password: wish.password,
        expires_at: wish.expiresAtMs === undefined ? undefined : writeTime(wish.expiresAtMs),
      });
      return readFileShare(await api.call(call, signal), call.operation);
    },

    readFileShare: async (id, signal) => {
      const call = fileShares.read(id);
      return orUndefined(api.call(call, signal).then((payload) => readFileShare(payload, call.operation)));
    },

    listFileShares: async (workspaceId, signal) =>
      collect(
        byOffset(
          (offset, limit) => api.call(fileShares.list(workspaceId, offset, limit), signal),
          (payload) => readFileShareRows(payload, "fastio.file_share.list"),
        ),
      ),

    updateFileShare: async (id, changes, signal) => {
      checked("fastio.file_share.update", changes);
      const { expiresAtMs, password } = changes;
      const call = fileShares.update(id, {
        title: changes.title,
        access_option: changes.access === undefined ? undefined : ACCESS[changes.access],
        password: password === null ? "" : password,
        expires_at: expiresAtMs === null ? "" : expiresAtMs === undefined ? undefined : writeTime(expiresAtMs),
      });
      return readFileShare(await api.call(call, signal), call.operation);
    },

    deleteFileShare: async (id, signal) => {
      try {
        await api.call(fileShares.remove(id), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },

    grantFileShare: async (id, grantee, capability, signal) => {
      await api.call(fileShares.grant(id, { ...granteeFields(grantee), capability }), signal);
    },

    listFileShareGrants: async (id, signal) => readGrantRows(await api.call(fileShares.grants(id), signal)),

    revokeFileShare: async (id, grantee, signal) => {
      try {
        await api.call(fileShares.revoke(id, granteeFields(grantee)), signal);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

const granteeFields = (grantee: FileShareGrantee): Readonly<Record<string, string>> =>
  "email" in grantee ? { email: grantee.email } : { user: grantee.userId };
