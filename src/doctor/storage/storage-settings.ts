import { isIP } from "node:net";
import type { Environment } from "../../config.ts";

/** How a bucket is named in addresses: in the path, or as part of the host. */
export type AddressStyle = "path" | "virtual";

export type StorageCredentials = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** The storage of a self-hosted Dify, as its own variables describe it. */
export type StorageSettings = {
  readonly endpoint: URL;
  /** No `S3_ENDPOINT`, or IAM mode, which ignores it: the store is AWS itself. */
  readonly isAws: boolean;
  readonly region: string;
  readonly bucket: string;
  /** What `S3_ADDRESS_STYLE` says. */
  readonly wantedStyle: AddressStyle | "auto";
  /** What Dify's client makes of it. */
  readonly style: AddressStyle;
  readonly managedIam: boolean;
  /** Undefined when the keys come from the machine's role, which only that machine can ask for. */
  readonly credentials: StorageCredentials | undefined;
};

export type ReadStorageSettings =
  | { readonly kind: "read"; readonly settings: StorageSettings }
  /** Names of variables and what is wrong with them; never a value. */
  | { readonly kind: "faulty"; readonly faults: readonly string[] };

const STYLES = ["auto", "path", "virtual"] as const;
const TRUE = /^(?:true|1|yes|on|t|y)$/i;
/** Wider than AWS allows, since other stores are laxer; it must only be one piece of an address. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/;
const REGION = /^[A-Za-z0-9_-]{1,64}$/;
/** What may become part of a host name; with dots in it, no certificate fits. */
const HOST_LABEL = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

/**
 * Reads `S3_ENDPOINT`, `S3_REGION`, `S3_BUCKET_NAME`, `S3_ACCESS_KEY`, `S3_SECRET_KEY`, `S3_ADDRESS_STYLE` and
 * `S3_USE_AWS_MANAGED_IAM` as Dify does. In IAM mode endpoint and keys are ignored; boto3 looks for `AWS_ACCESS_KEY_ID`
 * and its companions first, and so do we.
 *
 * @see https://github.com/langgenius/dify/blob/main/api/extensions/storage/aws_s3_storage.py read on 2026-11-22
 */
export function readStorageSettings(environment: Environment): ReadStorageSettings {
  const faults: string[] = [];
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  const needed = (name: string): string => {
    const found = value(name);
    if (found === undefined) faults.push(`${name}: is not set`);
    return found ?? "";
  };

  const managedIam = TRUE.test(value("S3_USE_AWS_MANAGED_IAM") ?? "");
  const bucket = needed("S3_BUCKET_NAME");
  if (bucket !== "" && !BUCKET.test(bucket)) faults.push("S3_BUCKET_NAME: is no name of a bucket");
  const region = value("S3_REGION") ?? "us-east-1";
  if (!REGION.test(region)) faults.push("S3_REGION: is no name of a region");
  const wantedStyle = STYLES.find((style) => style === (value("S3_ADDRESS_STYLE") ?? "auto"));
  if (wantedStyle === undefined) faults.push(`S3_ADDRESS_STYLE: must be one of ${STYLES.join(", ")}`);

  const written = managedIam ? undefined : value("S3_ENDPOINT");
  const endpoint = URL.parse(written ?? `https://s3.${region}.amazonaws.com`);
  if (endpoint === null || !isPlainAddress(endpoint)) {
    faults.push("S3_ENDPOINT: must be an address such as https://s3.example.com, without user, query or fragment");
  }
  const credentials = managedIam
    ? fromAws(value)
    : { accessKeyId: needed("S3_ACCESS_KEY"), secretAccessKey: needed("S3_SECRET_KEY") };
  if (faults.length > 0 || endpoint === null || wantedStyle === undefined) return { kind: "faulty", faults };
  const isAws = written === undefined;
  // botocore, args.py: with an address of one's own, "auto" means path; and so it does for a bucket
  // that no host name fits, and at an address of numbers.
  const isVirtual = (isAws ? wantedStyle !== "path" : wantedStyle === "virtual") && canBeVirtual({ endpoint, bucket });
  const style = isVirtual ? "virtual" : "path";
  return { kind: "read", settings: { endpoint, isAws, region, bucket, wantedStyle, style, managedIam, credentials } };
}

/** Where the store is, by both of its addresses; nowhere while the settings are faulty. */
export function storageOriginsOf(environment: Environment): readonly string[] {
  const read = readStorageSettings(environment);
  if (read.kind === "faulty") return [];
  const { endpoint, bucket } = read.settings;
  const virtual = canBeVirtual(read.settings) ? [`${endpoint.protocol}//${bucket}.${endpoint.host}`] : [];
  return [endpoint.origin, ...virtual];
}

/** Whether the bucket can be part of the host: a number has no names below it. */
export const canBeVirtual = ({ endpoint, bucket }: Pick<StorageSettings, "endpoint" | "bucket">): boolean =>
  HOST_LABEL.test(bucket) && isIP(endpoint.hostname.replace(/^\[|\]$/g, "")) === 0;

const isPlainAddress = ({ protocol, username, password, search, hash }: URL): boolean =>
  /^https?:$/.test(protocol) && [username, password, search, hash].every((part) => part === "");

function fromAws(value: (name: string) => string | undefined): StorageCredentials | undefined {
  const accessKeyId = value("AWS_ACCESS_KEY_ID");
  const secretAccessKey = value("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  const sessionToken = value("AWS_SESSION_TOKEN");
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
