import type { World } from "./world.ts";

/** What an emulator has seen, for tests to check against; also `GET /__books`. Times are Unix milliseconds. */
export type DifyBooks = {
  readonly uploads: readonly {
    readonly id: string;
    readonly user: string;
    readonly name: string;
    readonly size: number;
    readonly sha256: string;
  }[];
  /** The ids that Dify gave its apps. */
  readonly apps: readonly {
    readonly name: string | undefined;
    readonly id: string;
    readonly workflowId: string;
    readonly draftWorkflowId: string;
  }[];
  readonly runs: readonly {
    readonly id: string;
    readonly taskId: string;
    /** Its name. */
    readonly app: string | undefined;
    readonly user: string;
    /** As sent. */
    readonly inputs: Readonly<Record<string, unknown>>;
    /** `queued` until a worker has it, then as the row says. */
    readonly status: string;
    readonly createdAtMs: number;
    readonly finishedAtMs: number | undefined;
    /** Names only. */
    readonly outputs: readonly string[];
  }[];
  /** Requests by operation, refused ones included. */
  readonly requests: Readonly<Record<string, number>>;
};

export function readBooks({ apps, uploads, runs, requests }: World): DifyBooks {
  return {
    uploads: [...uploads.values()].map(({ id, owner, name, size, sha256 }) => ({
      id,
      user: owner.sessionId,
      name,
      size,
      sha256,
    })),
    apps: apps.map(({ name, id, workflowId, draftWorkflowId }) => ({ name, id, workflowId, draftWorkflowId })),
    runs: [...runs.values()].map((run) => ({
      id: run.id,
      taskId: run.taskId,
      app: run.app.name,
      user: run.user.sessionId,
      inputs: run.sentInputs,
      status: run.status,
      createdAtMs: run.createdAtMs,
      finishedAtMs: run.finishedAtMs,
      outputs: Object.keys(run.outputs ?? {}),
    })),
    requests: Object.fromEntries(requests),
  };
}
