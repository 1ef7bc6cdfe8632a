import { internalServerError, invalidParam } from "./api-error.ts";
import type { EmulatedApp, StartVariable } from "./apps.ts";
import type { EndUser } from "./end-user.ts";
import { fileObject } from "./file-object.ts";
import { detectType, type FileType } from "./file-types.ts";
import { pythonRepr } from "./python-json.ts";
import { lookAtRemote, type RemoteSettings } from "./remote-file.ts";
import type { FaultPlan } from "./run-faults.ts";
import type { WorkFile } from "./work.ts";
import type { World } from "./world.ts";

export type ResolvedInputs = {
  /** Declared inputs only, files as file objects. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly files: readonly WorkFile[];
};

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TRUE_WORDS = ["true", "1", "yes", "on"];
const FALSE_WORDS = ["false", "0", "no", "off"];
export const isUuid = (text: string) => UUID.test(text);

/**
 * Checks inputs against the Start node, in its order, with Dify's own texts. Undeclared inputs are dropped.
 *
 * @throws {ApiError} `invalid_param` for the first violation
 */
export async function resolveInputs(
  world: World,
  app: EmulatedApp,
  user: EndUser,
  inputs: Readonly<Record<string, unknown>>,
  plan: FaultPlan,
): Promise<ResolvedInputs> {
  const values: Record<string, unknown> = {};
  const files: WorkFile[] = [];
  const scene: Scene = {
    world,
    app,
    user,
    remote: {
      profile: world.traits.profile,
      blocked: plan.find("links_blocked") !== undefined,
      signal: world.signal,
    },
  };
  for (const variable of app.inputs) {
    const name = variable.variable;
    const isFileKind = variable.type === "file" || variable.type === "file-list";
    let given = inputs[name];
    if (given === undefined || given === null || (isFileKind && given === "" && variable.required !== true)) {
      if (variable.required === true) throw invalidParam(`${name} is required in input form`);
      given = variable.default ?? null;
    }
    if (given === null) {
      values[name] = null;
    } else if (isFileKind) {
      const resolved = await resolveFiles(scene, variable, given);
      files.push(...resolved.map(({ file }) => file));
      const objects = resolved.map(({ object }) => object);
      values[name] = variable.type === "file" ? objects[0] : objects;
    } else {
      values[name] = resolveScalar(variable, given);
    }
  }
  return { values, files };
}

function resolveScalar(variable: StartVariable, given: unknown): unknown {
  const { variable: name, type, max_length: maxLength, options = [] } = variable;
  switch (type) {
    case "text-input":
    case "paragraph": {
      if (typeof given !== "string") throw invalidParam(`(type '${type}') ${name} in input form must be a string`);
      // Python counts code points, and takes 0 for no limit.
      if (maxLength && [...given].length > maxLength)
        throw invalidParam(`${name} in input form must be less than ${maxLength} characters`);
      return given.replaceAll("\u0000", "");
    }
    case "select": {
      if (typeof given !== "string") throw invalidParam(`(type 'select') ${name} in input form must be a string`);
      if (!options.includes(given))
        throw invalidParam(`${name} in input form must be one of the following: ${pythonRepr(options)}`);
      return given;
    }
    case "number": {
      if (typeof given === "number" || typeof given === "boolean") return given;
      // Python fails on other types with a TypeError that nobody catches.
      if (typeof given !== "string") throw internalServerError();
      if (given.trim() === "") return null;
      // An exponent needs a point: without one Python reads an integer.
      if (!/^\s*[+-]?(\d+|(\d+\.\d*|\.\d+)(e[+-]?\d+)?)\s*$/i.test(given))
        throw invalidParam(`${name} in input form must be a valid number`);
      return Number(given);
    }
    case "checkbox": {
      const word = typeof given === "string" ? given.trim().toLowerCase() : given;
      if (word === 1 || TRUE_WORDS.some((known) => known === word)) return true;
      if (word === 0 || FALSE_WORDS.some((known) => known === word)) return false;
      // What is neither goes through as it came.
      return given;
    }
    case "json_object": {
      // Empty values of other types are let through.
      const isEmpty = given === "" || given === 0 || given === false || (Array.isArray(given) && given.length === 0);
      if (!isEmpty && (typeof given !== "object" || Array.isArray(given)))
        throw invalidParam(`${name} in input form must be a dict`);
      return given;
    }
    case "file":
    case "file-list":
      throw new Error("files are resolved elsewhere");
    default:
      return type satisfies never;
  }
}

type ResolvedFile = { object: object; file: WorkFile };
type Mapping = Readonly<Record<string, unknown>>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Who is asked for files, by whom, and how the outside looks from there. */
type Scene = {
  readonly world: World;
  readonly app: EmulatedApp;
  readonly user: EndUser;
  readonly remote: RemoteSettings;
};

async function resolveFiles(scene: Scene, variable: StartVariable, given: unknown): Promise<ResolvedFile[]> {
  const { variable: name, max_length: maxLength } = variable;
  if (variable.type === "file") {
    if (!isMapping(given)) throw invalidParam(`${name} in input form must be a file`);
    return [await resolveFile(scene, variable, given, "strict")];
  }
  if (!Array.isArray(given) || !given.every(isMapping))
    throw invalidParam(`${name} in input form must be a list of files`);
  if (maxLength && given.length > maxLength)
    throw invalidParam(`${name} in input form must be less than ${maxLength} files`);
  const usable = given.filter(
    (mapping) =>
      Boolean(mapping["transfer_method"]) &&
      (mapping["transfer_method"] !== "remote_url" || Boolean(mapping["url"] ?? mapping["remote_url"])),
  );
  return Promise.all(usable.map((mapping) => resolveFile(scene, variable, mapping, "lenient")));
}

type Found = {
  name: string;
  /** With its dot, or empty. */
  extension: string;
  mimeType: string;
  size: number;
  url: string;
  recordId: string | null;
  open: WorkFile["open"];
};

async function resolveFile(
  { world, app, user, remote }: Scene,
  variable: StartVariable,
  mapping: Mapping,
  strictness: "strict" | "lenient",
): Promise<ResolvedFile> {
  const method = mapping["transfer_method"];
  if (method === undefined || method === null) throw invalidParam("transfer_method is required in file mapping");
  if (method !== "local_file" && method !== "remote_url")
    throw invalidParam(`'${String(method)}' is not a valid FileTransferMethod`);
  const found = method === "local_file" ? findUpload(world, user, mapping) : await findRemote(mapping, remote);

  const detected = detectType(found.extension.slice(1), found.mimeType);
  const given = mapping["type"];
  const wanted = toFileType(given ?? "custom");
  const { comparesCustom, profile } = world.traits;
  // Where it is compared, an upload without a kind counts as `custom`, and a link without one as what it is.
  const isCompared = wanted === "custom" ? comparesCustom && (given !== undefined || method === "local_file") : true;
  if (strictness === "strict" && isCompared && wanted !== detected)
    throw invalidParam("Detected file type does not match the specified type. Please verify the file.");
  checkAllowed(app, variable, wanted, method, found);

  const staysCustom = !comparesCustom && given !== undefined;
  const type = wanted === "custom" && !staysCustom ? detected : wanted;
  const object = fileObject(profile, { ...found, tenantId: app.tenantId, type, method });
  const { name, extension, mimeType, open } = found;
  return { object, file: { name, extension, mimeType, type, open } };
}

function toFileType(given: unknown): FileType {
  switch (given) {
    case "image":
    case "video":
    case "audio":
    case "document":
    case "custom":
      return given;
    default:
      throw invalidParam(`'${String(given)}' is not a valid FileType`);
  }
}

function checkAllowed(
  app: EmulatedApp,
  variable: StartVariable,
  type: FileType,
  method: "local_file" | "remote_url",
  { name, extension }: Found,
): void {
  const { allowed_file_types: types = [], allowed_file_extensions: extensions = [] } = variable;
  const { allowed_file_upload_methods: methods = [] } = variable;
  const isAllowedMethod = methods.length === 0 || methods.includes(method);
  const isAllowedType = type === "custom" || types.length === 0 || types.includes(type);
  const isAllowedExtension = type !== "custom" || app.anyExtension === true || extensions.includes(extension);
  if (!isAllowedType || !isAllowedExtension || !isAllowedMethod)
    throw invalidParam(`File validation failed for file: ${name}`);
}

function findUpload(world: World, user: EndUser, mapping: Mapping): Found {
  const id = mapping["upload_file_id"];
  if (typeof id !== "string" || id === "") throw invalidParam("Invalid upload file id");
  if (!isUuid(id)) throw invalidParam("Invalid upload file id format");
  const upload = world.uploads.get(id);
  if (upload === undefined || upload.owner.id !== user.id) throw invalidParam("Invalid upload file");
  return {
    name: upload.name,
    extension: upload.extension === "" ? "" : `.${upload.extension}`,
    mimeType: upload.mimeType,
    size: upload.size,
    url: world.links.upload(id),
    recordId: id,
    open: () => world.blobs.open(upload.blobKey),
  };
}

/** Asks the address what it holds, as Dify does through its proxy. */
async function findRemote(mapping: Mapping, settings: RemoteSettings): Promise<Found> {
  const url = mapping["url"] ?? mapping["remote_url"];
  if (typeof url !== "string" || !/^https?:$/.test(URL.parse(url)?.protocol ?? ""))
    throw invalidParam("Invalid file url");
  return { ...(await lookAtRemote(url, settings)), url, recordId: null };
}
