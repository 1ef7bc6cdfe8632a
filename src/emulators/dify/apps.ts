import type { Random } from "../kit/random.ts";
import { DEFAULT_APP_KEY } from "./defaults.ts";
import type { FileType } from "./file-types.ts";
import { type RunAction, runActionSchema, type SentRunAction } from "./run-faults.ts";
import type { Work } from "./work.ts";

/** One variable of a Start node, in Dify's own spelling: `GET /parameters` shows it as it is. */
export type StartVariable = {
  readonly variable: string;
  readonly label?: string;
  readonly type: "text-input" | "paragraph" | "select" | "number" | "checkbox" | "json_object" | "file" | "file-list";
  readonly required?: boolean;
  /** Characters of a text, files of a list. */
  readonly max_length?: number;
  readonly options?: readonly string[];
  readonly default?: unknown;
  readonly allowed_file_types?: readonly FileType[];
  /** With their dot. Concern `custom` only. */
  readonly allowed_file_extensions?: readonly string[];
  readonly allowed_file_upload_methods?: readonly ("local_file" | "remote_url")[];
};

/** A stretch of a workflow between its start and its work: inner nodes that are run again and again, or side by side. */
export type WorkflowPart =
  | { readonly kind: "iteration" | "loop"; readonly title: string; readonly inner: string; readonly rounds: number }
  | { readonly kind: "parallel"; readonly branches: readonly string[] };

/** What each execution of a node with a model uses. */
export type ModelUse = { readonly tokens: number; readonly price: string; readonly currency: string };

export type AppConfig = {
  /** Begins with `app-`, as all app keys do. */
  readonly key: string;
  readonly name?: string;
  readonly description?: string;
  /** Anything but `workflow` refuses runs. */
  readonly mode?: string;
  readonly inputs: readonly StartVariable[];
  readonly apiEnabled?: boolean;
  readonly published?: boolean;
  /** How the workflow begins. One that begins with a trigger has no Start node, hence no inputs. Default: `start`. */
  readonly entry?: "start" | "trigger";
  /** Takes `custom` files of every extension, where a real app has to list them. */
  readonly anyExtension?: boolean;
  /** What a run does; by default it cleans tables and reports on everything else. */
  readonly work?: Work;
  /** What befalls each of its runs, as a fault would: it asks a person, or it fails. */
  readonly always?: readonly SentRunAction[];
  /** Reads its texts aloud by itself: speech in the stream, the last of it after the outcome. */
  readonly tts?: boolean;
  /** Played in turn, before the work. None by default. */
  readonly parts?: readonly WorkflowPart[];
  /** Its work and the nodes of its parts ask a model, and tell what that used. By default they are code. */
  readonly model?: ModelUse;
};

/** An app with the ids that Dify gives it. */
export type EmulatedApp = Omit<AppConfig, "always"> & {
  readonly always: readonly RunAction[];
  readonly id: string;
  readonly tenantId: string;
  readonly workflowId: string;
  readonly draftWorkflowId: string;
};

/** Extensions beyond Dify's own tables that the default app names as allowed. */
const CUSTOM_EXTENSIONS = [
  ".bin .css .dat .gz .heic .ics .js .json .jsonl .key .log .numbers .odp .ods .odt .pages .parquet .psd .py .rtf .sql",
  ".tar .tgz .tif .tiff .toml .ts .tsv .yaml .yml .zip",
].flatMap((line) => line.split(" "));

export const DEFAULT_APP: AppConfig = {
  key: DEFAULT_APP_KEY,
  name: "Emulated workflow",
  anyExtension: true,
  inputs: [
    {
      variable: "document",
      label: "Document",
      type: "file",
      required: true,
      allowed_file_types: ["document", "image", "audio", "video", "custom"],
      allowed_file_extensions: CUSTOM_EXTENSIONS,
      allowed_file_upload_methods: ["local_file", "remote_url"],
    },
    { variable: "title", label: "Title", type: "text-input", required: false, max_length: 200 },
  ],
};

/** An app that takes many files at a time: a clean table for each, and one report. */
export const TABLES_APP: AppConfig = {
  key: DEFAULT_APP_KEY,
  name: "Emulated workflow for tables",
  inputs: [
    {
      variable: "tables",
      label: "Tables",
      type: "file-list",
      required: true,
      max_length: 50,
      allowed_file_types: ["document"],
      allowed_file_upload_methods: ["local_file", "remote_url"],
    },
    { variable: "title", label: "Title", type: "text-input", required: false, max_length: 200 },
  ],
};

export function createApp(config: AppConfig, tenantId: string, random: Random): EmulatedApp {
  return {
    ...config,
    inputs: config.entry === "trigger" ? [] : config.inputs,
    always: (config.always ?? []).map((action) => runActionSchema.parse(action)),
    id: random.uuid(),
    tenantId,
    workflowId: random.uuid(),
    draftWorkflowId: random.uuid(),
  };
}
