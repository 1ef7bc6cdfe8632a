import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { checkS3Signature, type S3Refusal } from "./s3-signature.ts";

/** What a key may be kept from. */
export type S3Deed = "head-bucket" | "list" | "put" | "get" | "delete" | "policy" | "list-buckets";

export type S3ServerOptions = {
  /** Buckets there are. Default: `dify-files`. */
  readonly buckets?: readonly string[];
  readonly region?: string;
  /** Which addresses are known; the virtual one is `<bucket>.s3.test`. Default: both. */
  readonly styles?: readonly ("path" | "virtual")[];
  /** Default: what Dify needs, and no more. */
  readonly denied?: readonly S3Deed[];
  /** The server's clock is so many milliseconds ahead. */
  readonly clockSkewMs?: number;
  /** Origins that the bucket's CORS rules let in. */
  readonly cors?: readonly string[];
  readonly versions?: boolean;
  /** Every request is sent to this region's address instead. */
  readonly movedTo?: string;
  /** What GET answers instead of the object. */
  readonly garbled?: string;
  /** Answers instead of the deed, or undefined to go on: for faults that need no knob. */
  readonly intercept?: (request: IncomingMessage) => S3Refusal | undefined;
};

export type S3Server = {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Objects as `bucket/key`. */
  readonly objects: ReadonlyMap<string, Buffer>;
  /** Each request as `PUT /dify-files/key`, in order. */
  readonly requests: readonly string[];
  close(): Promise<void>;
};

export const VIRTUAL_HOST = "s3.test";
export const AS_DIFY_NEEDS = ["policy", "list-buckets"] as const satisfies readonly S3Deed[];
const ACCESS_KEY_ID = "AKIARELAYTESTS";
const SECRET_ACCESS_KEY = "a-secret/of+some=length";

/** An S3 store in memory that believes nothing: signatures, addresses and rights are checked as AWS does. */
export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const { region = "us-east-1", styles = ["path", "virtual"], denied = AS_DIFY_NEEDS } = options;
  const buckets = new Set(options.buckets ?? ["dify-files"]);
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];

  const answer = (request: IncomingMessage, url: URL, body: Buffer): Reply => {
    const virtual = new RegExp(`^(.+)\\.${VIRTUAL_HOST}$`).exec(url.hostname)?.[1];
    const [first = "", ...rest] = decodeURIComponent(url.pathname).slice(1).split("/");
    const bucket = virtual ?? first;
    const key = virtual === undefined ? rest.join("/") : [first, ...rest].join("/");
    if (options.movedTo !== undefined) {
      return { status: 301, code: "PermanentRedirect", region: options.movedTo };
    }
    if (request.method === "OPTIONS") return preflight(request, options.cors ?? []);
    const nowMs = Date.now() + (options.clockSkewMs ?? 0);
    const secretOf = (id: string) => (id === ACCESS_KEY_ID ? SECRET_ACCESS_KEY : undefined);
    const who = checkS3Signature({ request, url, body }, { region, nowMs, secretOf });
    if (typeof who !== "string") return who;
    const intercepted = options.intercept?.(request);
    if (intercepted !== undefined) return intercepted;

    const deed = deedOf(request.method ?? "", bucket, key, url.searchParams);
    if (
      deed !== "list-buckets" &&
      (!styles.includes(virtual === undefined ? "path" : "virtual") || !buckets.has(bucket))
    )
      return { status: 404, code: "NoSuchBucket" };
    // Without the right to list, what is missing is told as forbidden.
    const id = `${bucket}/${key}`;
    if (deed !== undefined && denied.includes(deed)) return { status: 403, code: "AccessDenied" };
    if (deed === "get" && !objects.has(id) && denied.includes("list")) return { status: 403, code: "AccessDenied" };
    switch (deed) {
      case undefined:
        return { status: 501, code: "NotImplemented" };
      case "list-buckets":
        return {
          status: 200,
          text: xml(
            "ListAllMyBucketsResult",
            [...buckets].map((name) => `<Bucket><Name>${name}</Name></Bucket>`),
          ),
        };
      case "head-bucket":
        return { status: 200, headers: { "x-amz-bucket-region": region } };
      case "policy":
        return { status: 404, code: "NoSuchBucketPolicy" };
      case "list": {
        const prefix = `${bucket}/${url.searchParams.get("prefix") ?? ""}`;
        const keys = [...objects.keys()].filter((name) => name.startsWith(prefix));
        const contents = keys.map((name) => `<Contents><Key>${name.slice(bucket.length + 1)}</Key></Contents>`);
        return { status: 200, text: xml("ListBucketResult", [`<Name>${bucket}</Name>`, ...contents]) };
      }
      case "put":
        objects.set(id, body);
        return { status: 200 };
      case "get": {
        const object = objects.get(id);
        if (object === undefined) return { status: 404, code: "NoSuchKey" };
        return { status: 200, text: options.garbled ?? object };
      }
      case "delete":
        objects.delete(id);
        return { status: 204, ...(options.versions ? { headers: { "x-amz-delete-marker": "true" } } : {}) };
    }
  };

  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const url = new URL(`http://${request.headers.host}${request.url}`);
    requests.push(`${request.method} ${request.url}`);
    send(response, answer(request, url, Buffer.concat(pieces)), request.method === "HEAD", options.clockSkewMs ?? 0);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    accessKeyId: ACCESS_KEY_ID,
    secretAccessKey: SECRET_ACCESS_KEY,
    objects,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type Reply =
  | S3Refusal
  | { readonly status: number; readonly text?: string | Buffer; readonly headers?: Readonly<Record<string, string>> };

function deedOf(method: string, bucket: string, key: string, query: URLSearchParams): S3Deed | undefined {
  if (bucket === "") return method === "GET" ? "list-buckets" : undefined;
  if (key === "") {
    if (method === "HEAD") return "head-bucket";
    if (method !== "GET") return undefined;
    if (query.has("policy")) return "policy";
    return query.get("list-type") === "2" ? "list" : undefined;
  }
  const deeds: Readonly<Record<string, S3Deed>> = { PUT: "put", GET: "get", HEAD: "get", DELETE: "delete" };
  return deeds[method];
}

function preflight({ headers }: IncomingMessage, cors: readonly string[]): Reply {
  const { origin = "" } = headers;
  const allowed = cors.find((entry) => entry === "*" || entry === origin);
  if (allowed === undefined) return { status: 403, code: "AccessForbidden" };
  return { status: 200, headers: { "access-control-allow-origin": allowed } };
}

const xml = (root: string, children: readonly string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${children.join("")}</${root}>`;

function send(response: ServerResponse, reply: Reply, isHead: boolean, skewMs: number): void {
  const headers: Record<string, string> = { date: new Date(Date.now() + skewMs).toUTCString() };
  if ("code" in reply) {
    if (reply.region !== undefined) headers["x-amz-bucket-region"] = reply.region;
    const region = reply.region === undefined ? "" : `<Region>${reply.region}</Region>`;
    const text = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${reply.code}</Code><Message>no</Message>${region}</Error>`;
    response.writeHead(reply.status, { ...headers, "content-type": "application/xml" });
    response.end(isHead ? undefined : text);
    return;
  }
  response.writeHead(reply.status, { ...headers, ...reply.headers });
  response.end(isHead ? undefined : reply.text);
}
