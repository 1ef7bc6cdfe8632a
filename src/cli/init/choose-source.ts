import type { Config } from "../../config.ts";
import { RelayError } from "../../errors.ts";
import type { Fastio, FastioWebhook, FastioWorkspace } from "../../fastio/types.ts";
import { receiverUrl } from "../../receiver-url.ts";
import type { Asker } from "./asker.ts";
import type { InitOptions } from "./init-options.ts";

/** How the relay will hear of files. Catch-up runs in either case. */
export type SourceChoice =
  | { readonly kind: "pull"; readonly reason: string }
  | {
      readonly kind: "webhook";
      /** Where Fast.io sends its deliveries. */
      readonly url: string;
      /** What people and webhooks reach the relay at; undefined: that is set already, or is this machine. */
      readonly publicUrl: string | undefined;
      /** One that points there already. */
      readonly known: FastioWebhook | undefined;
      /** `keep`: its secret is here. `rotate`: nobody here knows it, so it gets a new one. */
      readonly secret: "new" | "keep" | "rotate";
    };

const NO_ADDRESS = "Fast.io cannot reach the relay: it has no address of its own";

/** Webhooks where Fast.io offers them and can reach the relay; else the reason why it asks by itself. */
export async function chooseSource(
  asker: Asker,
  options: InitOptions,
  deps: { readonly fastio: Pick<Fastio, "listWebhooks">; readonly config: Config; readonly signal: AbortSignal },
  workspace: FastioWorkspace,
): Promise<SourceChoice> {
  const { fastio, config, signal } = deps;
  if (options.hear === "pull") return { kind: "pull", reason: "it was wished so" };
  let hooks: readonly FastioWebhook[];
  try {
    hooks = await asker.busy("asking Fast.io about webhooks …", () => fastio.listWebhooks(workspace.id, signal));
  } catch (error) {
    if (!(error instanceof RelayError) || error.retryable) throw error;
    return { kind: "pull", reason: error.message };
  }
  const address = await findAddress(asker, options, config);
  if (address === undefined) return { kind: "pull", reason: NO_ADDRESS };
  const url = receiverUrl(address);
  const known = hooks.find((hook) => hook.url === url && hook.enabled !== false);
  const hasSecret = config.fastio.secrets.length > 0 || config.fastio.secretsFile !== undefined;
  return {
    kind: "webhook",
    url,
    publicUrl: config.http.publicUrl === address || isThisMachine(address) ? undefined : address,
    known,
    secret: known === undefined ? "new" : hasSecret ? "keep" : "rotate",
  };
}

const isThisMachine = (address: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(address).hostname);

async function findAddress(asker: Asker, options: InitOptions, config: Config): Promise<string | undefined> {
  const given = options.publicUrl ?? config.http.publicUrl;
  if (given !== undefined) return given;
  // A Fast.io on this machine, which is to say the emulated one, reaches what listens here.
  if (isThisMachine(config.fastio.apiUrl)) return `http://127.0.0.1:${config.http.port}`;
  const answer = await asker.text({
    message:
      "At which address can Fast.io reach this relay? https://…; empty: at none, and the relay asks Fast.io instead",
    flag: "--public-url <address>",
    proposal: "",
    check: (text) =>
      text === "" || (/^https?:\/\/./.test(text) && URL.canParse(text)) ? undefined : "must begin with https://",
  });
  return answer === "" ? undefined : new URL(answer).origin;
}

/** What is said of it before anything is done. */
export function sourceWords(choice: SourceChoice): string {
  if (choice.kind === "pull") return `The relay asks Fast.io for new files by itself: ${choice.reason}`;
  if (choice.secret === "new") return `A webhook will be registered at Fast.io: deliveries go to ${choice.url}`;
  return choice.secret === "keep"
    ? `The webhook that delivers to ${choice.url} stays as it is`
    : `The webhook that delivers to ${choice.url} will get a new secret, since the one it has is not known here`;
}
