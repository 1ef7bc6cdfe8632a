const TYPES: Readonly<Record<string, readonly [mimetype: string, category: string]>> = {
  csv: ["text/csv", "text"],
  txt: ["text/plain", "text"],
  md: ["text/markdown", "text"],
  html: ["text/html", "text"],
  json: ["application/json", "text"],
  xml: ["application/xml", "text"],
  yaml: ["application/yaml", "text"],
  log: ["text/plain", "text"],
  pdf: ["application/pdf", "document"],
  doc: ["application/msword", "document"],
  docx: ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document"],
  xlsx: ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "spreadsheet"],
  pptx: ["application/vnd.openxmlformats-officedocument.presentationml.presentation", "presentation"],
  png: ["image/png", "image"],
  jpg: ["image/jpeg", "image"],
  jpeg: ["image/jpeg", "image"],
  gif: ["image/gif", "image"],
  webp: ["image/webp", "image"],
  svg: ["image/svg+xml", "image"],
  mp3: ["audio/mpeg", "audio"],
  wav: ["audio/wav", "audio"],
  mp4: ["video/mp4", "video"],
  zip: ["application/zip", "archive"],
};

/** Fast.io tells the type from the name; the upload call has no field for it. */
export function mimeOf(name: string): { readonly mimetype: string; readonly category: string } {
  const extension = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase() ?? "";
  const known = Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined;
  return known
    ? { mimetype: known[0], category: known[1] }
    : { mimetype: "application/octet-stream", category: "unknown" };
}
