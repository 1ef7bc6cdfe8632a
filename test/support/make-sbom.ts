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

/** Name and version of each package that is locked for a relay to run with. */
function neededPackages(): ReadonlySet<string> {
  const lock = readFileSync(fileURLToPath(new URL("../../package-lock.json", import.meta.url)), "utf8");
  const { packages } = JSON.parse(lock) as {
    readonly packages: Readonly<
      Record<string, { readonly version?: string; readonly dev?: boolean; readonly devOptional?: boolean }>
    >;
  };
  const needed = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== "" && !dev && !devOptional);
  return new Set(needed.map(([path, { version }]) => `${path.split("node_modules/").at(-1)}@${version}`));
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
