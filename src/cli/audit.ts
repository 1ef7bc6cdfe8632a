import { type AuditQuery, exportAudit as createExport } from "../../handlers/export-audit.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { openDraft } from "../disk/open-draft.ts";
import { PermanentError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import { plain, plainLines } from "../text/unseen.ts";
import { inLedgerOrRelay, refusalOf, requestRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";

export type ExportOptions = {
  readonly what: AuditQuery["what"];
  readonly format: AuditQuery["format"];
  /** How far back, in milliseconds; without it, everything. */
  readonly since?: number;
  readonly run?: string;
  readonly share?: string;
  readonly rule?: string;
  readonly output?: string;
};

/** Writes the audit trail to a file or to standard output, piece by piece. A file appears when it is whole. */
export async function exportAudit(context: CliContext, { since, output, ...which }: ExportOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const sinceMs = since === undefined ? undefined : Math.max(0, systemClock.now() - since);
  const query: AuditQuery = { ...which, ...(sinceMs === undefined ? {} : { sinceMs }) };
  const target = await openTarget(context, output);
  try {
    const isDone = await inLedgerOrRelay(
      config,
      async (db) => {
        for await (const piece of createExport(db)(query)) {
          context.signal.throwIfAborted();
          await target.write(piece);
        }
        return true;
      },
      async () => {
        const wanted = Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]));
        const path = `/api/audit?${new URLSearchParams(wanted)}`;
        const response = await requestRelay(context, config, { path });
        if (!response?.ok || !response.body) {
          if (response) context.warn(plain(refusalOf({ status: response.status, told: await response.json() })));
          return false;
        }
        for await (const piece of response.body.pipeThrough(new TextDecoderStream())) await target.write(piece);
        return true;
      },
    );
    await (isDone ? target.keep() : target.abandon());
    return isDone ? 0 : 1;
  } catch (error) {
    await target.abandon();
    throw error;
  }
}

type Target = { write(piece: string): Promise<void>; keep(): Promise<void>; abandon(): Promise<void> };

/** @throws {PermanentError} `usage_invalid` when the file cannot be written */
async function openTarget(context: CliContext, path: string | undefined): Promise<Target> {
  if (path === undefined) {
    const nothing = async (): Promise<void> => undefined;
    // A file or a pipe gets what was told, to the letter; a terminal obeys what it is told.
    const shown = context.isTerminal ? (piece: string) => piece.split("\r\n").map(plainLines).join("\r\n") : String;
    return { write: async (piece) => context.write(shown(piece)), keep: nothing, abandon: nothing };
  }
  try {
    // It holds addresses of people: for its owner alone.
    const { file, keep, abandon } = await openDraft(path);
    return {
      write: async (piece) => {
        await file.appendFile(piece);
      },
      keep,
      abandon,
    };
  } catch (error) {
    throw new PermanentError("usage_invalid", `the export cannot be written to ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
