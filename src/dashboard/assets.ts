import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** A file that every page asks for. */
export type Asset = {
  readonly path: string;
  /** Changes with the content: an address with it may be kept for ever. */
  readonly version: string;
  readonly type: string;
  readonly body: Buffer<ArrayBuffer>;
};

/** Characters of the hash that tell one content from another. */
const VERSION_CHARS = 16;

function readAsset(name: string, type: string): Asset {
  const body = readFileSync(new URL(`./assets/${name}`, import.meta.url));
  const version = createHash("sha256").update(body).digest("base64url").slice(0, VERSION_CHARS);
  return { path: `/assets/${name}`, version, type, body };
}

export const STYLE_SHEET = readAsset("relay.css", "text/css; charset=utf-8");

export const LIVE_SCRIPT = readAsset("live.js", "text/javascript; charset=utf-8");

export const ASSETS: readonly Asset[] = [STYLE_SHEET, LIVE_SCRIPT];

/** The address under which pages ask for it. */
export const addressOf = ({ path, version }: Asset): string => `${path}?v=${version}`;
