/** Kinds of file as Dify's inputs name them. */
export type FileType = "image" | "video" | "audio" | "document" | "custom";

const EXTENSIONS: Record<Exclude<FileType, "custom">, readonly string[]> = {
  image: "jpg jpeg png webp gif svg".split(" "),
  video: "mp4 mov mpeg webm".split(" "),
  audio: "mp3 m4a wav amr mpga".split(" "),
  document: "txt markdown md mdx pdf html htm xlsx xls vtt properties doc docx csv eml msg ppt pptx xml epub".split(
    " ",
  ),
};

const MIME_TYPES: Readonly<Record<string, string>> = {
  csv: "text/csv",
  gif: "image/gif",
  htm: "text/html",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  md: "text/markdown",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  pdf: "application/pdf",
  png: "image/png",
  txt: "text/plain",
  wav: "audio/x-wav",
  xml: "text/xml",
  zip: "application/zip",
};

/** The part after the last dot, without the dot; empty when there is none. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot === -1 ? "" : name.slice(dot + 1);
}

export function mimeTypeOf(name: string): string | undefined {
  return MIME_TYPES[extensionOf(name).toLowerCase()];
}

/** By extension first, in all-lower or all-upper case only, then by MIME type. */
export function detectType(extension: string, mimeType: string): FileType {
  const isKnownCase = extension === extension.toLowerCase() || extension === extension.toUpperCase();
  const lower = isKnownCase ? extension.toLowerCase() : "";
  for (const type of ["image", "video", "audio", "document"] as const) {
    if (EXTENSIONS[type].includes(lower)) return type;
  }
  for (const type of ["image", "video", "audio"] as const) {
    if (mimeType.includes(type)) return type;
  }
  return mimeType.includes("text") || mimeType.includes("pdf") ? "document" : "custom";
}

/** Upload limits in bytes. */
export type UploadLimits = Readonly<Record<"image" | "audio" | "video" | "other", number>>;

const MEGABYTE = 1024 * 1024;
export const DEFAULT_UPLOAD_LIMITS: UploadLimits = {
  image: 10 * MEGABYTE,
  audio: 50 * MEGABYTE,
  video: 100 * MEGABYTE,
  other: 15 * MEGABYTE,
};

/** The limit goes by extension alone: whatever is no image, audio or video falls under the last one. */
export function uploadLimit(extension: string, limits: UploadLimits): number {
  const lower = extension.toLowerCase();
  for (const type of ["image", "audio", "video"] as const) {
    if (EXTENSIONS[type].includes(lower)) return limits[type];
  }
  return limits.other;
}
