import { withoutEndSlashes } from "../../text/without-end.ts";
import type { StorageSettings } from "./storage-settings.ts";

/** What to write and to run, for current versions of Dify. Holds no secret. */
export type StorageAdvice = {
  /** Lines of Dify's `.env` for its own S3 client. */
  readonly env: readonly string[];
  /** The same store by OpenDAL. */
  readonly opendalEnv: readonly string[];
  /** Commands that move what is there already, in order. */
  readonly migrate: readonly string[];
  readonly notes: readonly string[];
};

const AS_IT_IS = "<as it is>";

/** `migrate-oss` came in September 2025 (langgenius/dify#25828); it takes no OpenDAL target. */
export function adviseStorage(settings: StorageSettings): StorageAdvice {
  const { endpoint, isAws, region, bucket, wantedStyle, managedIam } = settings;
  const address = withoutEndSlashes(endpoint.href);
  const keys = managedIam
    ? ["S3_USE_AWS_MANAGED_IAM=true"]
    : [
        `S3_ENDPOINT=${address}`,
        `S3_ACCESS_KEY=${AS_IT_IS}`,
        `S3_SECRET_KEY=${AS_IT_IS}`,
        `S3_ADDRESS_STYLE=${wantedStyle}`,
      ];
  const opendalKeys = managedIam
    ? []
    : [`OPENDAL_S3_ACCESS_KEY_ID=${AS_IT_IS}`, `OPENDAL_S3_SECRET_ACCESS_KEY=${AS_IT_IS}`];
  return {
    env: ["STORAGE_TYPE=s3", `S3_BUCKET_NAME=${bucket}`, `S3_REGION=${region}`, ...keys],
    opendalEnv: [
      "STORAGE_TYPE=opendal",
      "OPENDAL_SCHEME=s3",
      "OPENDAL_S3_ROOT=/",
      `OPENDAL_S3_BUCKET=${bucket}`,
      `OPENDAL_S3_REGION=${region}`,
      ...(isAws ? [] : [`OPENDAL_S3_ENDPOINT=${address}`]),
      ...opendalKeys,
      ...(settings.style === "virtual" && !isAws ? ["OPENDAL_S3_ENABLE_VIRTUAL_HOST_STYLE=true"] : []),
    ],
    migrate: [
      "docker compose exec api flask migrate-oss --dry-run",
      "docker compose exec api flask migrate-oss --source opendal",
    ],
    notes: [
      "migrate-oss runs with STORAGE_TYPE=s3 already set, reads by OPENDAL_SCHEME=fs and OPENDAL_FS_ROOT (leave them as they are), and refuses STORAGE_TYPE=opendal as a target; --source local for a Dify that had STORAGE_TYPE=local",
      "the plugin daemon keeps its files by settings of its own: PLUGIN_STORAGE_TYPE, PLUGIN_S3_*, PLUGIN_AWS_*",
      "links that Dify gives out are signed by Dify, live FILES_ACCESS_TIMEOUT (300 s) and name FILES_URL: the bucket stays private",
    ],
  };
}

/** What older guides say, and how it is. Sources: docs/decisions/0015-dify-storage.md. */
export const OUTDATED_ADVICE: readonly { readonly said: string; readonly is: string }[] = [
  {
    said: "flask upload-local-files-to-cloud-storage",
    is: "never existed in Dify (`No such command`): it is flask migrate-oss",
  },
  {
    said: "docker exec -it dify-api …",
    is: "Compose names the container docker-api-1: use docker compose exec api …",
  },
  {
    said: "the bucket needs CORS for uploads from browsers",
    is: "every byte passes Dify's API; what counts is its own CONSOLE_CORS_ALLOW_ORIGINS and WEB_API_CORS_ALLOW_ORIGINS",
  },
  {
    said: "the default is STORAGE_TYPE=local",
    is: "it is STORAGE_TYPE=opendal with OPENDAL_SCHEME=fs; local is deprecated",
  },
  {
    said: "five S3 variables",
    is: "also S3_ADDRESS_STYLE (auto, path, virtual) and S3_USE_AWS_MANAGED_IAM, which ignores endpoint and keys",
  },
  {
    said: "the key needs PutObject, GetObject and DeleteObject",
    is: "also ListBucket, for HeadBucket at each start and for telling a missing file from a forbidden one",
  },
];
