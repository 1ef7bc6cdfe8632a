import { systemClock } from "../../clock.ts";
import { type Config, type Environment, parseConfig } from "../../config.ts";
import { PermanentError } from "../../errors.ts";
import { KEY_REFUSALS } from "../../fastio/key-refusals.ts";
import type { FastioOrg, FastioWorkspace } from "../../fastio/types.ts";
import { silentLog } from "../../telemetry/log.ts";
import { openUpstreams, type Upstreams } from "../../upstreams.ts";
import type { CliContext } from "../context.ts";
import type { Asker } from "./asker.ts";
import type { InitOptions } from "./init-options.ts";

export type FastioAnswers = {
  readonly key: string;
  readonly workspace: FastioWorkspace;
  /** Open, and to be closed by whoever asked. */
  readonly upstreams: Upstreams;
};

const KEY_FLAG = "--fastio-key-from <variable>";

/** The upstreams as they would be with these settings. */
export const upstreamsWith = (environment: Environment): { readonly config: Config; readonly upstreams: Upstreams } => {
  const config = parseConfig(environment);
  const deps = { clock: systemClock, random: Math.random, log: silentLog };
  return { config, upstreams: openUpstreams(config, deps) };
};

/** Finds a key that Fast.io takes, and the workspace that is to be watched. */
export async function askFastio(context: CliContext, asker: Asker, options: InitOptions): Promise<FastioAnswers> {
  const { key, upstreams } = await findKey(context, asker, options);
  try {
    return { key, upstreams, workspace: await chooseWorkspace(context, asker, options, upstreams) };
  } catch (error) {
    await upstreams.close();
    throw error;
  }
}

async function findKey(
  context: CliContext,
  asker: Asker,
  options: InitOptions,
): Promise<Omit<FastioAnswers, "workspace">> {
  const host = new URL(parseConfig(context.environment).fastio.apiUrl).host;
  let key = givenKey(context.environment, options.fastioKeyFrom, "FASTIO_API_KEY", KEY_FLAG);
  if (key !== undefined) asker.say(`Fast.io's key is taken from ${options.fastioKeyFrom ?? "FASTIO_API_KEY"}`);
  for (;;) {
    key ??= await asker.secret({ message: `API key of Fast.io (${host}); it is not shown`, flag: KEY_FLAG });
    const { upstreams } = upstreamsWith({ ...context.environment, FASTIO_API_KEY: key });
    const verdict = await check(context, upstreams, asker).catch(async (error: unknown) => {
      await upstreams.close();
      throw error;
    });
    if (verdict.kind === "valid") {
      asker.say(`Fast.io takes the key: it belongs to user ${verdict.userId}`);
      return { key, upstreams };
    }
    await upstreams.close();
    const words = `Fast.io does not take this key: ${KEY_REFUSALS[verdict.reason]}`;
    if (!asker.isPerson) {
      throw new PermanentError("config_invalid", words, { failure: "misconfigured", nextAction: verdict.nextAction });
    }
    asker.warn(`${words}. ${verdict.nextAction}`);
    key = undefined;
  }
}

const check = ({ signal }: CliContext, { fastio }: Upstreams, asker: Asker) =>
  asker.busy("asking Fast.io about the key …", () => fastio.verifyKey(signal));

/**
 * The key that is there already, or that the command line names by its variable.
 * @throws {PermanentError} `usage_invalid` when the variable that was named holds nothing
 */
export function givenKey(
  environment: Environment,
  from: string | undefined,
  usual: string,
  flag: string,
): string | undefined {
  const value = environment[from ?? usual]?.trim() || undefined;
  if (from !== undefined && value === undefined)
    throw new PermanentError("usage_invalid", `${flag.split(" ")[0]}: the variable ${from} is not set`);
  return value;
}

async function chooseWorkspace(
  { signal }: CliContext,
  asker: Asker,
  options: InitOptions,
  { fastio }: Upstreams,
): Promise<FastioWorkspace> {
  if (options.workspace !== undefined) {
    const found = await fastio.findWorkspace(options.workspace, signal);
    if (found) return found;
    throw new PermanentError("usage_invalid", `this key sees no workspace ${options.workspace}`, {
      nextAction: "relay workspaces list tells those that it sees",
    });
  }
  const [orgs, all] = await asker.busy("asking Fast.io for organisations and workspaces …", () =>
    Promise.all([fastio.listOrgs(signal), fastio.listWorkspaces(signal)]),
  );
  const open = all.filter(({ archived }) => archived !== true);
  const org = await chooseOrg(asker, options, orgs, open);
  const workspaces = org === undefined ? open : open.filter((one) => belongsTo(one, org));
  const [only, another] = workspaces;
  if (only === undefined) {
    throw new PermanentError("config_invalid", "this key sees no workspace", {
      failure: "misconfigured",
      nextAction: "make one in Fast.io, or invite the key's account to one, and run relay init again",
    });
  }
  if (another === undefined) {
    asker.say(`Workspace: ${only.name} (${only.id}), the only one`);
    return only;
  }
  const id = await asker.choose({
    message: "Which workspace do files come into?",
    flag: "--workspace <id or name>",
    choices: workspaces.map((one) => ({ value: one.id, label: one.name, hint: one.id })),
  });
  return workspaces.find((one) => one.id === id) ?? only;
}

const belongsTo = ({ orgId, orgDomain }: FastioWorkspace, org: FastioOrg): boolean =>
  (orgId !== undefined && orgId === org.id) || (orgDomain !== undefined && orgDomain === org.domain);

/** @returns undefined when workspaces do not say whose they are */
async function chooseOrg(
  asker: Asker,
  options: InitOptions,
  orgs: readonly FastioOrg[],
  workspaces: readonly FastioWorkspace[],
): Promise<FastioOrg | undefined> {
  if (options.org !== undefined) {
    const named = orgs.find(({ id, domain, name }) => [id, domain, name].includes(options.org));
    if (named) return named;
    throw new PermanentError("usage_invalid", `this key sees no organisation ${options.org}`);
  }
  const having = orgs.filter((org) => workspaces.some((one) => belongsTo(one, org)));
  const [only, another] = having;
  if (only === undefined) return undefined;
  if (another === undefined) {
    asker.say(`Organisation: ${only.name ?? only.domain ?? only.id}, the only one with workspaces`);
    return only;
  }
  const id = await asker.choose({
    message: "Which organisation?",
    flag: "--org <id or domain>",
    choices: having.map((org) => ({
      value: org.id,
      label: org.name ?? org.domain ?? org.id,
      hint: org.domain ?? org.id,
    })),
  });
  return having.find((org) => org.id === id);
}
