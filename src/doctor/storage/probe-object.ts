import { createCheck } from "../create-check.ts";
import { failed, ok, type Verdict, warning } from "../finding.ts";
import { judgeRefusal, judgeStorageFailure } from "./judge-storage.ts";
import { type Bucket, elementsOf, type StorageAnswer } from "./open-bucket.ts";

const PROBE_TEXT = "relay doctor: a file of no importance\n";
/** Where Dify keeps what people upload, so that a key for Dify's own folders is enough. */
const FOLDER = "upload_files/relay-doctor-";
/** Milliseconds that removing gets, also when everything else was stopped. */
const REMOVAL_MS = 15_000;

/**
 * Writes an object of a few bytes, reads, lists and removes it.
 * @param id part of its name, so that nothing of Dify's is ever touched
 */
export async function probeObject(
  bucket: Bucket,
  id: string,
  about: (check: string, verdict: Verdict) => void,
  signal: AbortSignal,
): Promise<void> {
  const key = `${FOLDER}${id}.txt`;
  const check = createCheck(judgeStorageFailure, about, signal);

  // Asked before anything is there: Dify tells a missing file from a forbidden one by the status.
  await check("missing", async () => judgeMissing(await bucket.headObject(key, signal)));
  let mayBeThere = true;
  try {
    const written = await check("write", async () => {
      const answer = await bucket.put(key, PROBE_TEXT, signal);
      mayBeThere = answer.status < 300 || answer.status >= 500;
      return judged(answer, "writing", () => ok("an object can be written"));
    });
    if (written.status === "failed") return;
    await check("read", async () =>
      judged(await bucket.get(key, signal), "reading", ({ text }) =>
        text === PROBE_TEXT
          ? ok("the same bytes come back")
          : failed("storage_garbles", "other bytes came back than were written", "Look for a proxy before the store."),
      ),
    );
    await check("list", async () => judgeList(await bucket.list(key, signal), key));
  } finally {
    if (mayBeThere) about("delete", await removeProbe(bucket, key));
  }
}

/** Needs a signal of its own: the probe goes even when the doctor is told to stop. */
async function removeProbe(bucket: Bucket, key: string): Promise<Verdict> {
  const signal = AbortSignal.timeout(REMOVAL_MS);
  let why: Verdict;
  try {
    const removal = await bucket.remove(key, signal);
    why = judgeRefusal(removal, "deleting");
    if (removal.status < 300 || removal.status === 404) {
      const after = await bucket.headObject(key, signal);
      if (after.status >= 300) return judgeRemoved(removal);
      why = failed("probe_left", "the store says that it deleted, and the object is still there", "");
    }
  } catch (error) {
    why = judgeStorageFailure(error);
  }
  const { found } = why;
  return failed(
    why.fault === "storage_denied" ? "storage_denied" : "probe_left",
    `${found}; the probe ${key} may be left behind`,
    why.fault === "storage_denied" ? "Allow s3:DeleteObject, and remove the probe." : "Remove the probe by hand.",
  );
}

const judgeRemoved = ({ headers }: StorageAnswer): Verdict =>
  headers["x-amz-delete-marker"] === "true"
    ? ok(
        "gone; the bucket keeps versions, so that deleted files go on taking up space until a lifecycle rule ends them",
      )
    : ok("the probe is gone");

function judgeMissing(answer: StorageAnswer): Verdict {
  if (answer.status === 404) return ok("a missing object is told as missing");
  if (answer.status !== 403) return judgeRefusal(answer, "asking for a missing object");
  return warning(
    "list_denied",
    "a missing object is told as forbidden (403), which Dify takes for a failure, not for absence",
    "Allow s3:ListBucket on the bucket: with it the store answers 404.",
  );
}

function judgeList(answer: StorageAnswer, key: string): Verdict {
  if (answer.status === 403) {
    return warning("list_denied", "objects cannot be listed", "Allow s3:ListBucket on the bucket.");
  }
  return judged(answer, "listing", ({ text }) =>
    elementsOf(text, "Key").includes(key)
      ? ok("the object is listed")
      : warning(
          "list_stale",
          "what was just written is not listed",
          "Fine where listings lag; Dify lists nothing itself.",
        ),
  );
}

const judged = (answer: StorageAnswer, deed: string, fine: (answer: StorageAnswer) => Verdict): Verdict =>
  answer.status < 300 ? fine(answer) : judgeRefusal(answer, deed);
