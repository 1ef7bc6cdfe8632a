import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { makeSbom } from "../support/make-sbom.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

type Locked = {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
};
type Manifest = Readonly<
  Record<"dependencies" | "devDependencies" | "overrides" | "allowScripts", Record<string, string>>
>;

const read = <T>(file: string): T => JSON.parse(readFileSync(`${ROOT}/${file}`, "utf8")) as T; // our own files
const manifest = read<Manifest>("package.json");
const { packages } = read<{ readonly packages: Readonly<Record<string, Locked>> }>("package-lock.json");
const locked = Object.entries(packages).filter(([path]) => path !== "");

/** Name and version of what is locked at a path. */
const labelOf = (path: string): string => `${path.split("node_modules/").at(-1)}@${packages[path]?.version}`;

/** Licences that ask for nothing but their own text. */
const PERMISSIVE =
  /^(MIT|MIT-0|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|CC0-1\.0|Unlicense|MIT OR Apache-2\.0)$/;
/** Of tools that are not part of a relay: what is changed in them would have to be published. */
const FOR_TOOLS = /^MPL-2\.0$/;

/** The lock does not name the licence of packages whose manifest says it in the old way. */
function licenceOf(path: string, { license }: Locked): string | undefined {
  if (license !== undefined) return license;
  const file = `${path}/package.json`;
  if (!existsSync(`${ROOT}/${file}`)) return undefined;
  const { licenses } = read<{ readonly licenses?: readonly { readonly type: string }[] }>(file);
  return licenses?.map(({ type }) => type).join(" OR ");
}

test("every package is asked for in one exact version", () => {
  const asked = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(asked)) expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
  for (const [name, version] of Object.entries(manifest.overrides)) expect(version, name).toMatch(/@\d+\.\d+\.\d+$/);
});

test("what is locked comes from the registry, and is known by its hash", () => {
  const strange = locked.filter(
    ([, { resolved }]) => resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/"),
  );
  expect(strange).toEqual([]);
  const unhashed = locked.filter(([, { integrity }]) => !/^sha512-/.test(integrity ?? ""));
  // Parts for other platforms that the registry at hand did not have when they were locked.
  for (const [path, { optional, os, cpu }] of unhashed) {
    expect(optional, path).toBe(true);
    expect(os !== undefined && cpu !== undefined, path).toBe(true);
    const isOurs = os?.includes("linux") && cpu?.includes("x64") && !path.includes("musl");
    expect(isOurs, path).toBe(false);
  }
  expect(unhashed.length).toBeLessThanOrEqual(12);
});

test("licences are permissive, of all that a relay runs with and of all that it is made with", () => {
  const others = locked.flatMap(([path, entry]) => {
    const licence = licenceOf(path, entry) ?? "none";
    const isFine = PERMISSIVE.test(licence) || (entry.dev === true && FOR_TOOLS.test(licence));
    return isFine ? [] : [`${path}: ${licence}`];
  });
  expect(others).toEqual([]);
});

test("nobody runs a program of their own while they are installed, but for those that are known", () => {
  const known = Object.keys(manifest.allowScripts);
  const withScripts = locked.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path);
  const names = new Set(withScripts.map((path) => path.split("node_modules/").at(-1)));
  expect([...names].filter((name) => name === undefined || !known.includes(name))).toEqual([]);
});

describe("the bill of materials", () => {
  const { bomFormat, metadata, components } = makeSbom();

  test("names the relay, and each package it runs with, by address, licence and hash", () => {
    expect(bomFormat).toBe("CycloneDX");
    expect(metadata.component).toMatchObject({ name: "fastio-dify-relay", type: "application" });
    for (const { name, purl, licenses, hashes } of components) {
      expect(purl, name).toMatch(/^pkg:npm\/.+@\d/);
      expect(licenses?.length, name).toBeGreaterThan(0);
      expect(hashes?.[0]?.alg, name).toBe("SHA-512");
    }
    const names = new Set(components.map((component) => component.name));
    for (const name of Object.keys(manifest.dependencies)) expect(names, name).toContain(name);
  });

  test("names whatever one of them depends on, as far as it is installed", () => {
    const named = new Set(components.map(({ name }) => name));
    const asked = locked
      .filter(([path]) => components.some(({ name, version }) => `${name}@${version}` === labelOf(path)))
      .flatMap(([, entry]) => Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }));
    const missing = asked.filter((name) => !named.has(name) && existsSync(`${ROOT}/node_modules/${name}`));
    expect([...new Set(missing)]).toEqual([]);
  });

  test("names nothing that it is only made with", () => {
    const names = new Set(components.map(({ name }) => name));
    for (const name of ["vitest", "typescript", "@typescript/typescript-linux-x64", "playwright-core"])
      expect(names).not.toContain(name);
  });
});
