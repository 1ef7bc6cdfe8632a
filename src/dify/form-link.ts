import { withoutEndSlashes } from "../text/without-end.ts";

/** Where Dify's own Service API is served; its pages are at an address that no document names. */
const CLOUD = "https://api.dify.ai";

/**
 * Where people answer a form of a paused run on Dify's own page: `APP_WEB_URL`, then `/form/` and the form's token.
 * Whoever has it may answer: it is told to operators and kept nowhere.
 *
 * @param webUrl what `APP_WEB_URL` is in that Dify; undefined: the origin of its API, where it is self-hosted
 * @returns undefined where nobody knows the address
 * @see docs/decisions/0020-links-to-difys-forms.md
 */
export const formLinkOf =
  ({ apiUrl, webUrl }: { readonly apiUrl: string; readonly webUrl: string | undefined }) =>
  (token: string): string | undefined => {
    const { origin } = new URL(apiUrl);
    const base = webUrl ?? (origin === CLOUD ? undefined : origin);
    return base === undefined ? undefined : `${withoutEndSlashes(base)}/form/${encodeURIComponent(token)}`;
  };
