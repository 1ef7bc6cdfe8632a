import { LockManager, Worker } from "bullmq";

/** BullMQ's worker, without the timer by which it renews locks while it has none to renew: at rest that is never. */
export class QuietWorker extends Worker {
  protected override createLockManager(): void {
    const { lockDuration = 0, lockRenewTime = lockDuration / 2, name } = this.opts;
    // BullMQ does the same; by its own types `trace` gives a promise of a promise.
    const context = this as unknown as ConstructorParameters<typeof LockManager>[0];
    this.lockManager = new QuietLockManager(context, {
      ...{ lockDuration, lockRenewTime, workerId: this.id },
      ...(name === undefined ? {} : { workerName: name }),
    });
  }
}

class QuietLockManager extends LockManager {
  override start(): void {
    if (this.trackedJobs.size > 0) super.start();
  }

  override trackJob(...job: Parameters<LockManager["trackJob"]>): ReturnType<LockManager["trackJob"]> {
    const control = super.trackJob(...job);
    if (!this.isRunning()) this.start();
    return control;
  }

  override untrackJob(id: string): void {
    super.untrackJob(id);
    this.rest();
  }

  protected override async extendLocks(ids: string[]): Promise<void> {
    await super.extendLocks(ids);
    // The last job may have ended meanwhile, and BullMQ sets its timer right after this.
    setImmediate(() => this.rest());
  }

  private rest(): void {
    if (this.trackedJobs.size > 0) return;
    clearTimeout(this.lockRenewalTimer);
    delete this.lockRenewalTimer;
  }
}
