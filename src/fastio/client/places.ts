import { PermanentError } from "../../errors.ts";
import type { FastioPlaces, FastioWorkspace } from "../ports/places.ts";
import { workspacesNamed } from "../workspaces-named.ts";
import type { Api, Call } from "./api.ts";
import { isRouteMissing, orUndefined, type Speak } from "./dialect.ts";
import { createMemberEmail } from "./member-email.ts";
import { byOffset, collect } from "./paging.ts";
import { findOrg, readOrgRows, readUserId, readWorkspace, readWorkspaceRows } from "./readers/places.ts";
import { places } from "./routes/places.ts";

/** The account's e-mail address was never confirmed. */
const UNVERIFIED_CODE = "10587";

/** Who we are, and where we may go. */
export function createPlaces({ api, speak }: { readonly api: Api; readonly speak: Speak }): FastioPlaces {
  /** The first way to ask who we are that this server has. */
  const askWho = async (calls: readonly Call[], signal: AbortSignal): Promise<unknown> => {
    const [call, ...others] = calls;
    if (call === undefined) throw new Error("there is no way to ask");
    try {
      return await api.call(call, signal);
    } catch (error) {
      if (!isRouteMissing(error) || others.length === 0) throw error;
      return askWho(others, signal);
    }
  };

  const whoami: FastioPlaces["whoami"] = async (signal) => {
    const payload = await speak("whoami", {
      reference: () => askWho([places.checkKey(), ...(speak.choice === "reference" ? [places.me()] : [])], signal),
      guide: () => askWho([places.user(), ...(speak.choice === "auto" ? [places.me()] : [])], signal),
    });
    return { userId: readUserId(payload, "fastio.whoami") };
  };

  const orgRows = async (external: boolean, signal: AbortSignal) => {
    const route = external ? places.externalOrgs : places.orgs;
    const rows = byOffset(
      (offset, limit) => api.call(route(offset, limit), signal),
      (payload) => readOrgRows(payload, external),
    );
    return collect(rows);
  };

  const listOrgs: FastioPlaces["listOrgs"] = async (signal) => {
    const own = await orgRows(false, signal);
    try {
      const known = new Set(own.map((org) => org.id));
      return [...own, ...(await orgRows(true, signal)).filter((org) => !known.has(org.id))];
    } catch (error) {
      if (isRouteMissing(error)) return own;
      throw error;
    }
  };

  const readOneWorkspace: FastioPlaces["readWorkspace"] = async (workspaceId, signal) => {
    const call = places.workspace(workspaceId);
    return orUndefined(api.call(call, signal).then((payload) => readWorkspace(payload, call.operation)));
  };

  const listWorkspaces: FastioPlaces["listWorkspaces"] = (signal) => {
    const rows = (payload: unknown) => readWorkspaceRows(payload, "fastio.workspace.list");
    return speak("workspace.list", {
      reference: () => collect(byOffset((offset, limit) => api.call(places.workspaces(offset, limit), signal), rows)),
      guide: async () => {
        const orgs = await listOrgs(signal);
        const lists = await Promise.all(orgs.map((org) => api.call(places.workspacesOf(org.id), signal)));
        return lists.flatMap(rows);
      },
    });
  };

  return {
    whoami,
    listOrgs,
    readWorkspace: readOneWorkspace,
    listWorkspaces,
    findMemberEmail: createMemberEmail({ api }),

    verifyKey: async (signal) => {
      try {
        return { kind: "valid", ...(await whoami(signal)) };
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        const nextAction = error.nextAction ?? "";
        if (error.upstreamCode === UNVERIFIED_CODE) return { kind: "refused", reason: "unverified", nextAction };
        if (error.code === "unauthorized") return { kind: "refused", reason: "key", nextAction };
        if (error.code === "forbidden") return { kind: "refused", reason: "scope", nextAction };
        throw error;
      }
    },

    readOrg: async (idOrDomain, signal) =>
      orUndefined(api.call(places.org(idOrDomain), signal).then((payload) => findOrg(payload, false))),

    findWorkspace: async (reference, signal) =>
      (await readOneWorkspace(reference, signal)) ?? pickByName(await listWorkspaces(signal), reference),
  };
}

/** The workspace people mean by a name. */
function pickByName(workspaces: readonly FastioWorkspace[], reference: string): FastioWorkspace | undefined {
  const found = workspacesNamed(workspaces, reference);
  if (found.length > 1) {
    throw new PermanentError("conflict", `${found.length} workspaces go by that name`, {
      operation: "fastio.workspace.find",
      nextAction: `Name one by its id: ${found.map((one) => one.id).join(", ")}.`,
    });
  }
  return found[0];
}
