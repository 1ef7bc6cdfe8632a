import type { Fastio, FastioShare, ShareAccess, ShareOptions } from "./types.ts";

/** The share with what its maker's answer left out, where it matters who may open it and for how long. */
export async function readUntold(
  fastio: Pick<Fastio, "readShare">,
  share: FastioShare,
  wish: ShareOptions,
  signal: AbortSignal,
): Promise<FastioShare> {
  const isTold =
    share.access !== undefined &&
    (wish.password === undefined || share.hasPassword !== undefined) &&
    (wish.expiresAtMs === undefined || share.expiresAtMs !== undefined);
  return isTold ? share : { ...share, ...(await fastio.readShare(share.id, signal)) };
}

/** From the most closed to the most open. */
const WIDTHS: readonly ShareAccess[] = ["named", "org", "registered", "link"];

/**
 * Whether a share is as closed as it should be.
 * @returns the fault, in words that go on after "made the share"; and what Fast.io does not tell
 */
export function judgeShare(
  told: FastioShare,
  wish: Pick<ShareOptions, "access" | "password">,
): { readonly fault: string | undefined; readonly doubts: readonly string[] } {
  const { access, hasPassword } = told;
  const isOpen = access === undefined || access === "link";
  const needsPassword = wish.password !== undefined;
  const fault =
    access !== undefined && WIDTHS.indexOf(access) > WIDTHS.indexOf(wish.access)
      ? `open to ${access === "link" ? "anyone with the link" : `"${access}"`} instead of "${wish.access}"`
      : isOpen && needsPassword && hasPassword === false
        ? "without its password"
        : undefined;
  const doubts = [
    ...(access === undefined && wish.access !== "link"
      ? ["Fast.io does not tell who may open the share: look at it"]
      : []),
    ...(needsPassword && hasPassword === undefined
      ? ["Fast.io does not tell whether the link asks for its password: try it"]
      : []),
  ];
  return { fault, doubts };
}
