import { type AppConfig, DEFAULT_APP } from "./apps.ts";
import { type Profile, traitsOf } from "./profile.ts";
import { documentWork, type Work } from "./work.ts";

const [DOCUMENT, TITLE] = [
  {
    variable: "document",
    label: "Document",
    type: "file",
    required: true,
    allowed_file_types: ["document", "image"],
    allowed_file_upload_methods: ["local_file", "remote_url"],
  },
  { variable: "title", label: "Title", type: "text-input", required: false, max_length: 200 },
] as const;

/** Works on a file that a person lets pass, and on no other. */
const workWhenApproved: Work = async (context) => {
  const { answer } = context;
  if (answer === undefined || answer === "none") return { decision: "none", report: "Nobody answered in time.\n" };
  const feedback = String(answer.inputs["feedback"] ?? "");
  if (answer.action !== "approve") return { decision: answer.action, report: `Not worked on: ${feedback}\n` };
  return { ...(await documentWork(context)), decision: answer.action, feedback };
};

const ANY_FILE = {
  ...DEFAULT_APP,
  name: "any file",
  description: "cleans a table, reports on any other file",
} as const;

const QUESTION = {
  name: "question",
  key: "app-asksasksasksasksasksasks",
  description: "asks a person first whether the file is to be worked on",
  inputs: [DOCUMENT, TITLE],
  always: [{ kind: "pause" }],
  work: workWhenApproved,
} as const satisfies AppConfig;

const OTHERS = [
  {
    name: "several files",
    key: "app-listlistlistlistlistlist",
    description: "takes up to ten documents and images at once, and makes one report of them",
    inputs: [{ ...DOCUMENT, variable: "documents", label: "Documents", type: "file-list", max_length: 10 }, TITLE],
  },
  {
    name: "failure",
    key: "app-failfailfailfailfailfail",
    description: "fails, whatever it is given",
    inputs: [DOCUMENT, TITLE],
    always: [{ kind: "node_failure", message: "This app fails, whatever it is given." }],
  },
  {
    name: "handled failure",
    key: "app-halfhalfhalfhalfhalfhalf",
    description: "does its work though a node fails: partial-succeeded",
    inputs: [DOCUMENT, TITLE],
    always: [{ kind: "partial" }],
  },
  {
    name: "model",
    key: "app-thinkthinkthinkthinkthin",
    description: "uses 1,000 tokens a node, goes through an iteration, wants a language",
    inputs: [
      DOCUMENT,
      TITLE,
      { variable: "language", label: "Language", type: "select", required: true, options: ["English", "German"] },
    ],
    model: { tokens: 1_000, price: "0.002", currency: "USD" },
    parts: [{ kind: "iteration", title: "Each page", inner: "Read", rounds: 3 }],
  },
] as const satisfies readonly AppConfig[];

/** The apps that `relay emulate dify` has. Where Dify knows no human input, no app asks a person. */
export const exampleApps = (profile: Profile) =>
  traitsOf(profile).events ? [ANY_FILE, ...OTHERS, QUESTION] : [ANY_FILE, ...OTHERS];
