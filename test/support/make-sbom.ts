import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { npm } from "./npm.ts";

/** As far as it is used, of CycloneDX 1.5. */
export type Sbom = {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: { name: string; readonly version: string; readonly type: string } };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string }[];
};

type Component = {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
};

type Locked = {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
};

/**
 * Name and version of each package that a relay runs with: what it depends on, and what that does in turn. Peers are
 * none, such as compilers that a package would work with.
 */
function neededPackages(): ReadonlySet<string> {
  const lock = readFileSync(fileURLToPath(new URL("../../package-lock.json", import.meta.url)), "utf8");
  const { packages } = JSON.parse(lock) as { readonly packages: Readonly<Record<string, Locked>> };
  const reached = new Set([""]);
  for (const path of reached) {
    const { dependencies, optionalDependencies } = packages[path] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = nearest(packages, path, name);
      if (found !== undefined) reached.add(found);
    }
  }
  reached.delete("");
  return new Set([...reached].map((path) => `${path.split("node_modules/").at(-1)}@${packages[path]?.version}`));
}

/** Where Node would find a package that another one asks for: beside it, or above. */
function nearest(packages: Readonly<Record<string, Locked>>, from: string, name: string): string | undefined {
  const folders = from.split("/node_modules/");
  for (let depth = folders.length; depth > 0; depth -= 1) {
    const path = `${folders.slice(0, depth).join("/node_modules/")}/node_modules/${name}`.replace(/^\//, "");
    if (path in packages) return path;
  }
  return `node_modules/${name}` in packages ? `node_modules/${name}` : undefined;
}

/** What a relay runs with, as it is installed here. */
export function makeSbom(): Sbom {
  const { status, stdout, stderr } = npm([...["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application"]]);
  if (status !== 0) throw new Error(`npm sbom: ${stderr.trim()}`);
  const sbom = JSON.parse(stdout) as Sbom; // what `npm sbom` prints
  const manifest = readFileSync(fileURLToPath(new URL("../../package.json", import.meta.url)), "utf8");
  // npm takes the name of the folder.
  sbom.metadata.component.name = (JSON.parse(manifest) as { readonly name: string }).name;
  // `--omit dev` would also leave out what is needed by both, such as a peer of a tool.
  const needed = neededPackages();
  const isForeign = ({ name, version }: Component): boolean => !needed.has(`${name}@${version}`);
  const foreign = new Set(sbom.components.filter(isForeign).map((component) => component["bom-ref"]));
  return {
    ...sbom,
    components: sbom.components.filter((component) => !foreign.has(component["bom-ref"])),
    dependencies: sbom.dependencies.filter(({ ref }) => !foreign.has(ref)),
  };
}
