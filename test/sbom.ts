import { writeFileSync } from "node:fs";
import { makeSbom } from "./support/make-sbom.ts";

const FILE = "sbom.cdx.json";

const sbom = makeSbom();
const text = `${JSON.stringify(sbom, null, 2)}\n`;
if (process.argv.includes("--stdout")) process.stdout.write(text);
else {
  writeFileSync(FILE, text);
  console.log(`${FILE}: ${sbom.components.length} components`);
}
