import { readdirSync, readFileSync } from "node:fs";
import { Deployment } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { Ingress, NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, Namespace, Service } from "kubernetes-models/v1";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { EnvSchema } from "../../../src/config.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";

const folder = new URL("../../../deploy/kubernetes/", import.meta.url);
const textOf = (name: string): string => readFileSync(new URL(name, folder), "utf8");
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml");

const Labels = z.record(z.string(), z.string());
const Container = z.object({
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  securityContext: z.object({ readOnlyRootFilesystem: z.literal(true), allowPrivilegeEscalation: z.literal(false) }),
});
const Pod = z.object({
  metadata: z.object({ labels: Labels }),
  spec: z.object({ securityContext: z.object({ runAsNonRoot: z.literal(true) }), containers: z.array(Container) }),
});
const Resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  data: Labels.optional(),
});
const resources = files.flatMap((file) =>
  parseAllDocuments(textOf(file)).map((document) => Resource.parse(document.toJS())),
);
const ofKind = (kind: string) => resources.filter((resource) => resource.kind === kind);
const pods = ofKind("Deployment").map(({ spec }) => z.object({ template: Pod }).parse(spec).template);

/** Checks a resource against the schema that Kubernetes publishes of its kind; throws where it does not fit. */
const checks: Readonly<Record<string, (resource: never) => void>> = {
  "v1/Namespace": (it) => new Namespace(it).validate(),
  "v1/ConfigMap": (it) => new ConfigMap(it).validate(),
  "v1/Service": (it) => new Service(it).validate(),
  "apps/v1/Deployment": (it) => new Deployment(it).validate(),
  "policy/v1/PodDisruptionBudget": (it) => new PodDisruptionBudget(it).validate(),
  "autoscaling/v2/HorizontalPodAutoscaler": (it) => new HorizontalPodAutoscaler(it).validate(),
  "networking.k8s.io/v1/NetworkPolicy": (it) => new NetworkPolicy(it).validate(),
  "networking.k8s.io/v1/Ingress": (it) => new Ingress(it).validate(),
};

test("each manifest fits the schema of its kind, which knows no other members", () => {
  for (const resource of resources) {
    const check = checks[`${resource.apiVersion}/${resource.kind}`];
    expect(check, `${resource.apiVersion}/${resource.kind}`).toBeDefined();
    expect(() => check?.(resource as never), resource.metadata.name).not.toThrow();
  }
  const wrong = { ...ofKind("Deployment")[0], spec: { replicas: "two" } };
  expect(() => checks["apps/v1/Deployment"]?.(wrong as never)).toThrow();
});

test("kustomization.yaml lists each of them", () => {
  const { resources: listed } = parse(textOf("kustomization.yaml")) as { readonly resources: readonly string[] };
  expect([...listed].sort()).toEqual(files.sort());
});

test("each selector finds the pods of one of the deployments", () => {
  const Selecting = z.object({ selector: z.union([z.object({ matchLabels: Labels }), Labels]) });
  for (const { kind, metadata, spec } of resources) {
    const selecting = Selecting.safeParse(spec);
    if (!selecting.success) continue;
    const { selector } = selecting.data;
    const labels = Labels.parse("matchLabels" in selector ? selector.matchLabels : selector);
    const found = pods.filter((pod) =>
      Object.entries(labels).every(([name, value]) => pod.metadata.labels[name] === value),
    );
    expect(found, `${kind} ${metadata.name}`).toHaveLength(1);
  }
});

test("pods run our commands, as nobody special, with settings that exist", () => {
  const containers = pods.flatMap(({ spec }) => spec.containers);
  expect(containers.map(({ args }) => args)).toEqual([["receive"], ["work"]]);
  const settings = ofKind("ConfigMap").find(({ metadata }) => metadata.name === "relay-settings")?.data ?? {};
  const named = [...Object.keys(settings), ...containers.flatMap(({ env }) => env.map(({ name }) => name))];
  expect(named.length).toBeGreaterThan(0);
  expect(named.filter((name) => !(name in EnvSchema.shape))).toEqual([]);
});

test("the rules in it are rules", () => {
  const rules = ofKind("ConfigMap").find(({ metadata }) => metadata.name === "relay-rules")?.data;
  expect(parseRules(rules?.["relay.config.yaml"] ?? "", "relay.config.yaml").rules).toHaveLength(1);
});
