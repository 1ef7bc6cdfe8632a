import { ApiRefusal, invalidField } from "../protocol/faults.ts";
import { isRecord } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import type { AnswerScope } from "../store/answers.ts";
import { currentVersion, type Node, type Version } from "../store/node.ts";
import type { World } from "../world.ts";
import { folderIn, nodeIn, type Place } from "./place.ts";

const ROWS_MAX = 100;
const ATTACHED_MAX = 20;
const ATTACHED_BYTES_MAX = 200 * 1024 * 1024;
const DEPTH_MAX = 10;

type Scope = NonNullable<AnswerScope>;
type File = { readonly node: Node; readonly version: Version };

/** Tells a bad id in a scope field as bad input, not as a missing page. */
function orInvalid<T>(field: string, find: () => T): T {
  try {
    return find();
  } catch (error) {
    if (error instanceof ApiRefusal && typeof error.status === "number" && error.status < 500)
      throw invalidField(field, error.message);
    throw error;
  }
}

function fileOf(world: World, place: Place, field: string, id: string, versionId: string): File {
  const node = orInvalid(field, () => nodeIn(world, place, id));
  const version =
    versionId === "" ? currentVersion(node) : node.versions.find((one) => idKey(one.id) === idKey(versionId));
  if (!version || world.nodes.isTrashed(place.drive, node))
    throw invalidField(field, `${id} is no file, or not in this version.`);
  return { node, version };
}

const pairsOf = (field: string, text: string | undefined, max: number): readonly (readonly [string, string])[] => {
  const rows = (text ?? "")
    .split(",")
    .map((row) => row.trim())
    .filter((row) => row !== "");
  if (rows.length > max) throw invalidField(field, `At most ${max} entries.`);
  return rows.map((row) => {
    const at = row.indexOf(":");
    return at < 0 ? [row, ""] : [row.slice(0, at), row.slice(at + 1)];
  });
};

/** The whole place: what a question is about when it names nothing. */
export const everything = (place: Place): Scope => ({
  drive: place.drive,
  files: [],
  folders: [{ key: place.rootKey, depth: DEPTH_MAX }],
});

/** `files_scope`, `folders_scope` and `files_attach` of the older surface. @throws {ApiRefusal} naming the field */
export function readTextScope(
  world: World,
  place: Place,
  sent: {
    readonly files: string | undefined;
    readonly folders: string | undefined;
    readonly attach: string | undefined;
  },
): Scope | undefined {
  const attached = pairsOf("files_attach", sent.attach, ATTACHED_MAX);
  const files = pairsOf("files_scope", sent.files, ROWS_MAX);
  const folders = pairsOf("folders_scope", sent.folders, ROWS_MAX);
  if (attached.length > 0 && files.length + folders.length > 0)
    throw invalidField("files_attach", "files_attach does not go together with scopes.");
  if (attached.length + files.length + folders.length === 0) return undefined;
  const named = attached.map(([id, version]) => fileOf(world, place, "files_attach", id, version));
  if (named.reduce((sum, { version }) => sum + version.size, 0) > ATTACHED_BYTES_MAX)
    throw invalidField("files_attach", "Attached files hold 200 MB at most.");
  return {
    drive: place.drive,
    files: [...named, ...files.map(([id, version]) => fileOf(world, place, "files_scope", id, version))],
    folders: folders.map(([id, text]) => {
      // The guide sends a bare folder id; then everything below it is meant.
      const depth = text === "" ? DEPTH_MAX : Number(text);
      if (!Number.isInteger(depth) || depth < 1 || depth > DEPTH_MAX)
        throw invalidField("folders_scope", `A depth is 1 to ${DEPTH_MAX}.`);
      return { key: orInvalid("folders_scope", () => folderIn(world, place, id)), depth };
    }),
  };
}

/** `references` and `subjects` of the agent surface, already parsed from JSON. */
export function readReferences(world: World, place: Place, references: unknown, subjects: unknown): Scope | undefined {
  const files: File[] = [];
  const folders: { key: string; depth: number }[] = [];
  const read = (field: string, value: unknown, foldersToo: boolean): void => {
    if (value === undefined) return;
    if (!Array.isArray(value) || value.length > ROWS_MAX) throw invalidField(field, `${field} is a JSON array.`);
    for (const row of value) {
      const [kind, file, folder] = isRecord(row) ? [row["type"], row["file_details"], row["folder_details"]] : [];
      if (kind === "file" && isRecord(file) && typeof file["node_id"] === "string") {
        const version = typeof file["version_id"] === "string" ? file["version_id"] : "";
        files.push(fileOf(world, place, field, file["node_id"], version));
      } else if (foldersToo && kind === "folder" && isRecord(folder) && typeof folder["node_id"] === "string") {
        const id = folder["node_id"];
        folders.push({ key: orInvalid(field, () => folderIn(world, place, id)), depth: DEPTH_MAX });
      } else
        throw invalidField(
          field,
          `A row has type, id and ${foldersToo ? "file_details or folder_details" : "file_details"}.`,
        );
    }
  };
  read("references", references, true);
  read("subjects", subjects, false);
  return files.length + folders.length === 0 ? undefined : { drive: place.drive, files, folders };
}
