import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import type { Clock } from "../../clock.ts";
import { withHostGuard } from "../../http/host-guard.ts";
import { readText } from "../../http/readers.ts";
import type { OutboundRequest, Send } from "../../http/types.ts";
import { withoutEndSlashes } from "../../text/without-end.ts";
import type { AddressStyle, StorageCredentials, StorageSettings } from "./storage-settings.ts";

/** What a store answered, whatever the status. */
export type StorageAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** S3's name of the error, such as `AccessDenied`; an answer to HEAD has none. */
  readonly code: string | undefined;
  /** The region the store says it wants. */
  readonly region: string | undefined;
};

/** A bucket as Dify's client would speak to it. Every call is one request; none is repeated. */
export type Bucket = {
  head(signal: AbortSignal): Promise<StorageAnswer>;
  list(prefix: string, signal: AbortSignal): Promise<StorageAnswer>;
  put(key: string, text: string, signal: AbortSignal): Promise<StorageAnswer>;
  get(key: string, signal: AbortSignal): Promise<StorageAnswer>;
  headObject(key: string, signal: AbortSignal): Promise<StorageAnswer>;
  remove(key: string, signal: AbortSignal): Promise<StorageAnswer>;
  readPolicy(signal: AbortSignal): Promise<StorageAnswer>;
  /** The buckets that these keys can list. */
  listBuckets(signal: AbortSignal): Promise<StorageAnswer>;
  /** Asks like a browser whether a page of this origin may write; carries no signature. */
  preflight(origin: string, signal: AbortSignal): Promise<StorageAnswer>;
};

/** Answers are lists of a few names and short errors. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Signs by AWS's version 4, and reaches nothing but the endpoint. */
export function openBucket(
  { send: bareSend, clock }: { readonly send: Send; readonly clock: Pick<Clock, "now"> },
  settings: StorageSettings,
  credentials: StorageCredentials,
  style: AddressStyle = settings.style,
): Bucket {
  const { endpoint, region, bucket } = settings;
  const prefix = withoutEndSlashes(endpoint.pathname);
  const root = new URL(`${endpoint.origin}${prefix}/`);
  const home = new URL(style === "path" ? `${root.href}${bucket}` : root.href);
  if (style === "virtual") home.hostname = `${bucket}.${endpoint.hostname}`;
  const send = withHostGuard(bareSend, [root.origin, home.origin]);
  const urlOf = (query: string, key?: string): URL => {
    const path = withoutEndSlashes(home.href);
    return new URL(`${path}/${key ?? ""}${query}`);
  };

  const ask = async (
    operation: string,
    request: Pick<OutboundRequest, "method" | "url" | "headers"> & { readonly text?: string },
    signal: AbortSignal,
  ): Promise<StorageAnswer> => {
    const { method, url, headers = {}, text } = request;
    const response = await send(
      {
        operation: `storage.${operation}`,
        method,
        url,
        headers: text === undefined ? headers : { ...headers, "content-type": "text/plain" },
        repeatable: false,
        ...(text === undefined ? {} : { body: () => text }),
      },
      signal,
    );
    const answer = await readText(response, { maxBytes: MAX_ANSWER_BYTES });
    const isError = response.status >= 300;
    return {
      status: response.status,
      headers: response.headers,
      text: answer,
      code: isError ? elementOf(answer, "Code") : undefined,
      region: response.headers["x-amz-bucket-region"] ?? (isError ? elementOf(answer, "Region") : undefined),
    };
  };
  const signed = async (
    operation: string,
    method: OutboundRequest["method"],
    url: URL,
    signal: AbortSignal,
    text?: string,
  ): Promise<StorageAnswer> => {
    const signer = new AwsV4Signer({
      ...credentials,
      method,
      url: url.href,
      service: "s3",
      region,
      datetime: stampOf(clock.now()),
      headers: {
        "x-amz-content-sha256": createHash("sha256")
          .update(text ?? "")
          .digest("hex"),
      },
    });
    const headers = Object.fromEntries((await signer.sign()).headers);
    return ask(operation, { method, url, headers, ...(text === undefined ? {} : { text }) }, signal);
  };

  return {
    head: (signal) => signed("bucket.head", "HEAD", urlOf(""), signal),
    list: (keys, signal) => {
      const query = `?list-type=2&max-keys=10&prefix=${encodeURIComponent(keys)}`;
      return signed("bucket.list", "GET", urlOf(query), signal);
    },
    put: (key, text, signal) => signed("object.put", "PUT", urlOf("", key), signal, text),
    get: (key, signal) => signed("object.get", "GET", urlOf("", key), signal),
    headObject: (key, signal) => signed("object.head", "HEAD", urlOf("", key), signal),
    remove: (key, signal) => signed("object.delete", "DELETE", urlOf("", key), signal),
    readPolicy: (signal) => signed("bucket.policy", "GET", urlOf("?policy="), signal),
    listBuckets: (signal) => signed("buckets.list", "GET", root, signal),
    preflight: (origin, signal) => {
      const headers = { origin, "access-control-request-method": "PUT" };
      return ask("bucket.preflight", { method: "OPTIONS", url: urlOf("", "relay-doctor"), headers }, signal);
    },
  };
}

/** `20261122T103000Z` */
const stampOf = (nowMs: number): string => new Date(nowMs).toISOString().replaceAll(/[:-]|\.\d{3}/g, "");

/** The text of the first element of this name. S3's answers carry what we ask for as plain text. */
const elementOf = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]{1,200})</${name}>`).exec(xml)?.[1];

/** The texts of all elements of this name. */
export const elementsOf = (xml: string, name: string): readonly string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, "g"))].map(([, text = ""]) => text);
