import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { npm } from "./npm.ts";

/** As far as it is used, of CycloneDX 1.5. */
export type Sbom = {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: { name: string; readonly version: string; readonly type: string } };
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly purl?: string;
    readonly licenses?: readonly unknown[];
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  }[];
};

/** What a relay runs with, as it is installed here. */
export function makeSbom(): Sbom {
  const { status, stdout, stderr } = npm([
    ...["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application", "--omit", "dev"],
  ]);
  if (status !== 0) throw new Error(`npm sbom: ${stderr.trim()}`);
  const sbom = JSON.parse(stdout) as Sbom; // what `npm sbom` prints
  const manifest = readFileSync(fileURLToPath(new URL("../../package.json", import.meta.url)), "utf8");
  // npm takes the name of the folder.
  sbom.metadata.component.name = (JSON.parse(manifest) as { readonly name: string }).name;
  return sbom;
}
