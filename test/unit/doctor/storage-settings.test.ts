import { expect, test } from "vitest";
import { adviseStorage } from "../../../src/doctor/storage/storage-advice.ts";
import { readStorageSettings, type StorageSettings } from "../../../src/doctor/storage/storage-settings.ts";

const KEYS = { S3_BUCKET_NAME: "dify-files", S3_ACCESS_KEY: "hidden-id", S3_SECRET_KEY: "hidden-secret" };

function settingsOf(environment: Record<string, string>): StorageSettings {
  const read = readStorageSettings({ ...KEYS, ...environment });
  if (read.kind === "faulty") throw new Error(read.faults.join("; "));
  return read.settings;
}

test.each([
  [{}, "virtual"],
  [{ S3_ADDRESS_STYLE: "path" }, "path"],
  [{ S3_BUCKET_NAME: "dify.files" }, "path"],
  [{ S3_ENDPOINT: "https://s3.example.com" }, "path"],
  [{ S3_ENDPOINT: "https://s3.example.com", S3_ADDRESS_STYLE: "virtual" }, "virtual"],
  [{ S3_ENDPOINT: "http://10.0.0.7:9000", S3_ADDRESS_STYLE: "virtual" }, "path"],
  [{ S3_ENDPOINT: "http://[::1]:9000", S3_ADDRESS_STYLE: "virtual" }, "path"],
])("%j names the bucket by %s, as boto3 does", (environment, style) => {
  expect(settingsOf(environment).style).toBe(style);
});

test("all faults are told at once, by name and never by value", () => {
  const read = readStorageSettings({
    S3_ENDPOINT: "https://hidden:hidden@s3.example.com",
    S3_BUCKET_NAME: "../hidden",
    S3_REGION: "hidden region",
    S3_ADDRESS_STYLE: "hidden",
    S3_ACCESS_KEY: "hidden",
  });
  const faults = read.kind === "faulty" ? read.faults : [];
  expect(faults.map((fault) => fault.split(":")[0])).toEqual([
    "S3_BUCKET_NAME",
    "S3_REGION",
    "S3_ADDRESS_STYLE",
    "S3_ENDPOINT",
    "S3_SECRET_KEY",
  ]);
  expect(faults.join()).not.toContain("hidden");
});

test("in IAM mode endpoint and keys are ignored, and the role's own keys are taken where they are set", () => {
  const iam = { S3_USE_AWS_MANAGED_IAM: "true", S3_ENDPOINT: "http://127.0.0.1:1", S3_REGION: "eu-central-1" };
  expect(settingsOf(iam)).toMatchObject({ credentials: undefined, isAws: true });
  expect(settingsOf(iam).endpoint.href).toBe("https://s3.eu-central-1.amazonaws.com/");
  const role = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_SESSION_TOKEN: "c" };
  expect(settingsOf({ ...iam, ...role }).credentials).toEqual({
    accessKeyId: "a",
    secretAccessKey: "b",
    sessionToken: "c",
  });
  expect(adviseStorage(settingsOf(iam)).env).toEqual([
    "STORAGE_TYPE=s3",
    "S3_BUCKET_NAME=dify-files",
    "S3_REGION=eu-central-1",
    "S3_USE_AWS_MANAGED_IAM=true",
  ]);
});

test("advice holds no key, and names a virtual address to OpenDAL", () => {
  const advice = adviseStorage(settingsOf({ S3_ENDPOINT: "https://s3.example.com/", S3_ADDRESS_STYLE: "virtual" }));
  expect(JSON.stringify(advice)).not.toContain("hidden");
  expect(advice.env).toContain("S3_ENDPOINT=https://s3.example.com");
  expect(advice.opendalEnv).toContain("OPENDAL_S3_ENABLE_VIRTUAL_HOST_STYLE=true");
});
