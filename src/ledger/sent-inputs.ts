/** What a workflow was given under one name: never bytes, ids of uploads or links. */
export type SentInput = {
  readonly name: string;
  readonly kind: "file" | "files" | "text" | "number" | "boolean" | "json";
  /** UTF-8 bytes of a text or of a value printed as JSON; null for files, whose sizes the run tells. */
  readonly size: number | null;
  /** Cut; null: a file, or not to be shown. */
  readonly value: string | null;
  /** How files were handed over. */
  readonly by?: "upload" | "link" | undefined;
};
