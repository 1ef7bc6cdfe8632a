import { RelayError } from "../../errors.ts";
import { messageOf } from "../../message-of.ts";
import { failed, ok, type Verdict, warning } from "../finding.ts";
import { elementsOf, type StorageAnswer } from "./open-bucket.ts";

/** What a store's refusal means. @param deed what was tried, in words */
export function judgeRefusal({ status, code, region }: StorageAnswer, deed: string): Verdict {
  const found = `${deed}: ${status}${code === undefined ? "" : ` ${code}`}`;
  switch (code) {
    case "InvalidAccessKeyId":
      return failed("storage_key_refused", `${found}: nobody has this key`, "Check S3_ACCESS_KEY.");
    case "SignatureDoesNotMatch":
      return failed(
        "storage_key_refused",
        `${found}: the secret does not belong to the key`,
        "Check S3_SECRET_KEY: whole, without quotes or spaces around it.",
      );
    case "ExpiredToken":
    case "InvalidToken":
      return failed("storage_key_refused", found, "Take a fresh AWS_SESSION_TOKEN.");
    case "RequestTimeTooSkewed":
      return failed(
        "clock_skew",
        `${found}: this machine's clock is more than 15 minutes off the store's`,
        "Let this machine, and Dify's, take their time from NTP.",
      );
    case "NoSuchBucket":
      return failed("bucket_missing", found, MAKE_IT);
    case "PermanentRedirect":
    case "TemporaryRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
      return wrongRegion(found, region);
    default:
      if (status === 301 || status === 307) return wrongRegion(found, region);
      if (status >= 500) return failed("storage_unreachable", found, "The store is away or overloaded: try again.");
      if (status === 403 || status === 401) {
        return failed("storage_denied", `${found}: the key may not do this`, "Allow it in the key's policy.");
      }
      return failed("check_failed", found, "Look up the code in the manual of the store; it is not one we know.");
  }
}

const wrongRegion = (found: string, region: string | undefined): Verdict =>
  failed(
    "wrong_region",
    `${found}: the bucket is served elsewhere${region === undefined ? "" : `, in ${region}`}`,
    region === undefined
      ? "Set S3_REGION and S3_ENDPOINT to the bucket's own."
      : `Set S3_REGION=${region}, and S3_ENDPOINT, if it is set, to that region's address.`,
  );

const MAKE_IT =
  "Check S3_BUCKET_NAME, or make the bucket yourself: at its next start Dify tries CreateBucket, which needs wider keys, and on AWS fails outside us-east-1, since it names no location.";

/** What HeadBucket says, as Dify asks it at each start. @param cause the answer to a listing, since HEAD carries no code */
export function judgeHead(head: StorageAnswer, cause: StorageAnswer | undefined): Verdict {
  if (head.status < 300) return ok("HeadBucket is answered, so Dify starts");
  if (head.status === 404) {
    return failed("bucket_missing", "HeadBucket: 404: there is no such bucket, and Dify would make it", MAKE_IT);
  }
  const known = cause === undefined || cause.status < 300 ? head : { ...cause, region: cause.region ?? head.region };
  const verdict = judgeRefusal(known, "HeadBucket");
  if (head.status !== 403 || verdict.fault !== "storage_denied") return verdict;
  return warning(
    "storage_denied",
    "HeadBucket: 403: Dify starts nevertheless, and tells nobody when the bucket is another's",
    "Allow s3:ListBucket on the bucket: HeadBucket needs it.",
  );
}

/** @param bucket the one that the keys are for */
export function judgeOtherBuckets(answer: StorageAnswer, bucket: string): Verdict {
  if (answer.status === 401 || answer.status === 403) return ok("the key cannot list buckets");
  if (answer.status >= 300) return ok(`the store does not tell (${answer.status})`);
  const others = elementsOf(answer.text, "Name").filter((name) => name !== bucket).length;
  const found = others === 0 ? "the key can list buckets; there is only this one" : `the key can list ${others} others`;
  return warning("keys_too_wide", found, "Give Dify a key for this bucket alone; docs/dify.md has a policy.");
}

export function judgePolicy(answer: StorageAnswer): Verdict {
  if (answer.status === 401 || answer.status === 403) return ok("the key cannot read the bucket's policy");
  if (answer.status >= 300 && answer.code !== "NoSuchBucketPolicy") {
    return ok(`the store does not tell (${answer.status})`);
  }
  return warning(
    "keys_too_wide",
    "the key can read the bucket's policy, which Dify never does: it is an administrator's",
    "Give Dify a key for objects alone; docs/dify.md has a policy.",
  );
}

/** Dify sends every byte through its API, so no browser ever needs to reach the bucket. */
export function judgeCors(answer: StorageAnswer, origin: string): Verdict {
  const allowed = answer.headers["access-control-allow-origin"];
  if (answer.status >= 300 || (allowed !== origin && allowed !== "*")) {
    return ok(`browsers may not reach the bucket from ${origin}, and need not: Dify's files pass its API`);
  }
  return warning(
    "cors_unneeded",
    `the bucket lets in browsers from ${allowed === "*" ? "everywhere" : origin}; Dify has no use for it`,
    "Remove the bucket's CORS rules, unless another application needs them.",
  );
}

/** Of Dify's own lists of origins, which decide who may call it from a browser. */
export function judgeDifyCors(list: string | undefined, origin: string): Verdict {
  if (list === undefined || list.trim() === "") return ok("is not set here: Dify's own default applies");
  const origins = list.split(",").map((entry) => entry.trim());
  if (origins.includes("*")) return ok("lets in every origin");
  if (origins.includes(origin)) return ok(`lets in ${origin}`);
  return warning("origin_missing", `does not name ${origin}`, "Add the origin, if a page there calls this Dify.");
}

/** The fault behind a request that got no answer. */
export function judgeStorageFailure(error: unknown): Verdict {
  const found = messageOf(error);
  if (!(error instanceof RelayError)) return failed("check_failed", found, "Look at the message.");
  switch (error.code) {
    case "connect_failed":
    case "connection_lost":
    case "timed_out":
      return failed("storage_unreachable", found, "Check S3_ENDPOINT: scheme, host and port, DNS, proxy, firewall.");
    default:
      return failed("check_failed", found, error.nextAction ?? "Check S3_ENDPOINT: what answers there is no S3 store.");
  }
}
