import { spawnSync } from "node:child_process";
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const Lock = z.object({ packages: z.record(z.string(), z.object({ dev: z.boolean().default(false) })) });
const isRoot = process.getuid?.() === 0;
const Words = z.array(z.string()).min(1);

/** What the last stage of the Dockerfile says. */
export type Image = {
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly command: readonly string[];
  /** What its user runs while the image is built, for a shell; what that leaves in `COMPILED` is copied as root's. */
  readonly compile: string;
  readonly healthcheck: readonly string[];
  /** What is copied out of the project, as `from → to` below the working directory. */
  readonly copies: readonly { readonly from: string; readonly to: string }[];
};

/** Reads the few instructions our Dockerfile is written with. @throws at any other, so that nothing is overlooked */
export function readImage(): Image {
  const text = readFileSync(join(ROOT, "Dockerfile"), "utf8").replace(/\\\n\s*/g, "");
  const stage = text.slice(text.lastIndexOf("FROM "));
  const [, compiler = "", compile = ""] = /^FROM packages AS compiled\n(?:.+\n)*USER (.+)\nRUN (.+)$/m.exec(text) ?? [];
  const env: Record<string, string> = {};
  const copies: { from: string; to: string }[] = [];
  let user = "root";
  let entrypoint: readonly string[] = [];
  let cmd: readonly string[] = [];
  let healthcheck: readonly string[] = [];
  for (const line of stage.split("\n")) {
    const [, instruction = "", rest = ""] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    switch (instruction) {
      case "ENV":
        for (const [, name = "", value = ""] of rest.matchAll(/([A-Z_]+)=(\S+)/g)) env[name] = value;
        break;
      case "COPY": {
        const [from = "", to = ""] = rest.replace(/^--from=[a-z]+ \/app\//, "").split(" ");
        copies.push({ from, to: to === "./" ? from : to });
        break;
      }
      case "USER":
        user = rest;
        break;
      case "ENTRYPOINT":
        entrypoint = Words.parse(JSON.parse(rest));
        break;
      case "CMD":
        cmd = Words.parse(JSON.parse(rest));
        break;
      case "HEALTHCHECK":
        healthcheck = Words.parse(JSON.parse(rest.slice(rest.indexOf("CMD ") + 4)));
        break;
      default:
        if (line.trim() !== "" && !/^(#|FROM|WORKDIR|RUN|VOLUME|EXPOSE)/.test(line))
          throw new Error(`the Dockerfile says something this does not know: ${line}`);
    }
  }
  if (compiler !== user) throw new Error(`what ${compiler} compiles is not found by ${user}`);
  return { env, user, command: [...entrypoint, ...cmd], compile, healthcheck, copies };
}

/** What the image has compiled, below its working directory. */
export const COMPILED = "node_modules/.cache";

/**
 * Lays the files of the image out as its build would, with the packages that `npm ci --omit=dev` brings, taken from
 * those that are here. They belong to who runs this: where that is root, the image's user cannot write to them.
 * What is compiled nobody can write to: `removeImage` does away with it.
 */
export function layOut({ copies, compile }: Image, folder: string, uid: number): void {
  for (const { from, to } of copies) {
    if (from === "node_modules") layOutPackages(join(folder, to));
    else if (from !== COMPILED) cpSync(join(ROOT, from), join(folder, to), { recursive: true });
  }
  if (!copies.some(({ from, to }) => from === COMPILED && to === `./${COMPILED}`)) return;
  giveTo(join(folder, COMPILED), uid);
  const path = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  const { status } = spawnSync(compile, { shell: true, cwd: folder, env: { PATH: path }, ...asUser(uid) });
  if (status !== 0) throw new Error(`this ended with ${status}: ${compile}`);
  if (isRoot) spawnSync("chown", ["-R", "0:0", join(folder, COMPILED)]);
  else spawnSync("chmod", ["-R", "a-w", join(folder, COMPILED)]);
}

/** Does away with what was laid out, also where its owner may not write. */
export function removeImage(folder: string): void {
  const compiled = join(folder, COMPILED);
  if (existsSync(compiled)) spawnSync("chmod", ["-R", "u+w", compiled]);
  rmSync(folder, { recursive: true, force: true });
}

function layOutPackages(folder: string): void {
  const { packages } = Lock.parse(JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")));
  const byFolder = new Map<string, string[]>();
  for (const [path, { dev }] of Object.entries(packages)) {
    const [, name, nested] = path.split(/(?:^|\/)node_modules\//);
    // Packages inside of others come with those; those of other platforms are not here.
    if (dev || name === undefined || nested !== undefined || !existsSync(join(ROOT, path))) continue;
    const target = dirname(join(folder, name));
    byFolder.set(target, [...(byFolder.get(target) ?? []), join(ROOT, path)]);
  }
  for (const [target, sources] of byFolder) {
    mkdirSync(target, { recursive: true });
    // As links, where that is possible: there are thousands of files.
    const link = spawnSync("cp", ["-rl", "-t", target, ...sources]);
    if (link.status !== 0)
      for (const source of sources) cpSync(source, join(target, basename(source)), { recursive: true });
  }
}

/** A folder the image's user may write to. Without the right to give it away, that user is who runs the tests. */
export function giveTo(folder: string, uid: number): void {
  mkdirSync(folder, { recursive: true });
  if (isRoot) chownSync(folder, uid, uid);
}

/** The image's user, as whom a process is to be started, where we have the right to. */
export const asUser = (uid: number) => (isRoot ? { uid, gid: uid } : {});
