import { readdirSync, readFileSync } from "node:fs";
import { BlockList, isIPv6 } from "node:net";
import { Deployment } from "kubernetes-models/apps/v1";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2";
import { Ingress, NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { ConfigMap, Namespace, Service } from "kubernetes-models/v1";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { EnvSchema } from "../../../src/config.ts";
import { MAX_BATCH_BYTES } from "../../../src/edge/wire.ts";
import { GIVEN_UP_AFTER_MS } from "../../../src/ledger/migrate-postgres.ts";
import { CONNECTIONS, WORK_CONNECTIONS } from "../../../src/ledger/open-ledger.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";
import { GAUGES } from "../../../src/telemetry/gauges.ts";
import { metricsIn } from "./read-promql.ts";

const folder = new URL("../../../deploy/kubernetes/", import.meta.url);
const textOf = (name: string): string => readFileSync(new URL(name, folder), "utf8");
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml");

const Labels = z.record(z.string(), z.string());
const Container = z.object({
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  envFrom: z.array(z.record(z.string(), z.object({ name: z.string() }))),
  startupProbe: z.object({ periodSeconds: z.int(), failureThreshold: z.int() }),
  lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.int() }) }) }).optional(),
  securityContext: z.object({ readOnlyRootFilesystem: z.literal(true), allowPrivilegeEscalation: z.literal(false) }),
});
const Pod = z.object({
  metadata: z.object({ labels: Labels }),
  spec: z.object({
    securityContext: z.object({ runAsNonRoot: z.literal(true) }),
    terminationGracePeriodSeconds: z.int(),
    containers: z.array(Container),
  }),
});
const Resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
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

test("what a Secret made of a .env says of ports and places does not win over what the pods are built on", () => {
  // Of several sources with the same variable the last one wins.
  for (const { envFrom } of pods.flatMap(({ spec }) => spec.containers))
    expect(envFrom.map((source) => Object.keys(source)[0])).toEqual(["secretRef", "configMapRef"]);
});

test("a start is not killed while it waits for another to change the schema", () => {
  for (const { startupProbe } of pods.flatMap(({ spec }) => spec.containers))
    expect(startupProbe.periodSeconds * startupProbe.failureThreshold * 1_000).toBeGreaterThan(GIVEN_UP_AFTER_MS);
});

test("nor does the image count as ill meanwhile", () => {
  const dockerfile = readFileSync(new URL("../../../Dockerfile", import.meta.url), "utf8");
  const seconds = Number(/--start-period=(\d+)s/.exec(dockerfile)?.[1]);
  expect(seconds * 1_000).toBeGreaterThan(GIVEN_UP_AFTER_MS);
});

test("a pod has the 20 seconds that docs/deploy.md asks for to end, after its last pause", () => {
  for (const { spec } of pods) {
    const paused = spec.containers.map(({ lifecycle }) => lifecycle?.preStop.sleep.seconds ?? 0);
    expect(spec.terminationGracePeriodSeconds - Math.max(...paused)).toBeGreaterThanOrEqual(20);
  }
});

test("as many processes as there ever are, replacements too, fit into a PostgreSQL as it is delivered", () => {
  const Sized = z.object({
    replicas: z.int().default(0),
    strategy: z.object({ rollingUpdate: z.object({ maxSurge: z.int() }) }),
  });
  const [receivers, workers] = ofKind("Deployment").map(({ spec }) => Sized.parse(spec));
  const most = z.object({ maxReplicas: z.int() }).parse(ofKind("HorizontalPodAutoscaler")[0]?.["spec"]).maxReplicas;
  const ofReceivers = ((receivers?.replicas ?? 0) + (receivers?.strategy.rollingUpdate.maxSurge ?? 0)) * CONNECTIONS;
  const ofWorkers = (most + (workers?.strategy.rollingUpdate.maxSurge ?? 0)) * (CONNECTIONS + WORK_CONNECTIONS);
  // max_connections is 100, of which 3 are the superuser's.
  expect(ofReceivers + ofWorkers).toBeLessThanOrEqual(97);
});

test("the autoscaler's query asks for a metric, and a state of jobs, that there are", () => {
  const query = /metricsQuery: (.*)$/m.exec(textOf("worker.yaml"))?.[1] ?? "";
  const metrics = metricsIn(query);
  expect(metrics.length).toBeGreaterThan(0);
  expect(metrics.filter((name) => !(name in GAUGES))).toEqual([]);
  expect(query).toContain('state="waiting"');
});

test("the ingress takes the largest batch of the edge worker", () => {
  const Annotated = z.object({ annotations: z.record(z.string(), z.string()) });
  const { annotations } = Annotated.parse(ofKind("Ingress")[0]?.metadata);
  const size = /^(\d+)m$/.exec(annotations["nginx.ingress.kubernetes.io/proxy-body-size"] ?? "")?.[1];
  expect(Number(size) * 1_048_576).toBeGreaterThanOrEqual(MAX_BATCH_BYTES);
});

test.each([
  ["93.184.215.14", true],
  ["2606:2800:21f:cb07::1", true],
  ["10.1.2.3", false],
  ["100.64.1.2", false],
  ["172.31.0.1", false],
  ["192.168.1.1", false],
  ["169.254.169.254", false],
  ["fd00:ec2::254", false],
  ["fe80::1", false],
])("the policy lets the relay go to %s at 443: %j", (address, allowed) => {
  const Block = z.object({ ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).default([]) }) });
  const Egress = z.object({ egress: z.array(z.object({ to: z.array(z.unknown()).default([]) })) });
  const blocks = Egress.parse(ofKind("NetworkPolicy")[0]?.["spec"]).egress.flatMap(({ to }) =>
    to.flatMap((peer) => Block.safeParse(peer).data?.ipBlock ?? []),
  );
  const holds = (nets: readonly string[]): boolean => {
    const list = new BlockList();
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    for (const [net = "", bits] of nets.map((cidr) => cidr.split("/")))
      if (isIPv6(net) === isIPv6(address)) list.addSubnet(net, Number(bits), family);
    return list.check(address, family);
  };
  expect(blocks.some(({ cidr, except }) => holds([cidr]) && !holds(except))).toBe(allowed);
});
