import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TOOL_OPERATIONS } from "../../../src/rules/tools-schema.ts";
import { AGENT_TOKEN, NARROW_TOKEN, openToolBench, type ToolBench } from "./open-tool-bench.ts";

let bench: ToolBench;
const clients: Client[] = [];

beforeAll(async () => {
  bench = await openToolBench();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await bench.close();
});

/** The official client, over HTTP. */
async function connect(token: string): Promise<Client> {
  const client = new Client({ name: "an agent", version: "1.0.0" });
  clients.push(client);
  const requestInit = { headers: { authorization: `Bearer ${token}` } };
  const transport = new StreamableHTTPClientTransport(new URL(`${bench.relay.url}/mcp`), { requestInit });
  // Its optional fields are typed as if undefined could be written into them.
  await client.connect(transport as Parameters<Client["connect"]>[0]);
  return client;
}

type Answer = {
  readonly isError?: boolean;
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly content: unknown;
};

test("the official client lists every tool and calls each of them", async () => {
  const client = await connect(AGENT_TOKEN);
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name).toSorted()).toEqual([...TOOL_OPERATIONS].toSorted());
  for (const { description, inputSchema, outputSchema } of tools) {
    expect(description).toBeTruthy();
    expect(inputSchema.type).toBe("object");
    expect(outputSchema).toBeDefined();
  }
  const called = new Set<string>();
  // The client checks each answer against the tool's own schema.
  const call = async (name: string, input: Readonly<Record<string, unknown>> = {}) => {
    const answer = (await client.callTool({ name, arguments: input })) as Answer;
    expect(answer.isError, JSON.stringify(answer.content)).not.toBe(true);
    called.add(name);
    return answer.structuredContent ?? {};
  };
  const workspace = "Dify-Outputs";
  await call("listWorkspaces");
  const { id: file } = await call("uploadFile", {
    workspace,
    folder: "/Mcp",
    name: "a.txt",
    text: "hello",
    link: true,
  });
  await call("listFiles", { workspace, folder: "/Mcp" });
  await call("importFromUrl", { workspace, url: `${bench.fileServer}/a` });
  await call("getDownloadLink", { workspace, file });
  await call("askFiles", { workspace, question: "What does it say?" });
  const { id: share } = await call("createShare", { workspace, title: "By an agent", requestId: "mcp-1" });
  await call("createDropOff", { workspace, invite: "client@example.com", files: "/Mcp/a.txt" });
  await call("shareAccess", { workspace, share });
  await call("revokeShare", { workspace, share, confirm: true });
  await call("createHandoffLink", { workspace, confirm: true });
  expect([...called].toSorted()).toEqual([...TOOL_OPERATIONS].toSorted());
});

describe("over MCP too", () => {
  test("a token sees and does what it is granted", async () => {
    const client = await connect(NARROW_TOKEN);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(["listWorkspaces", "listFiles", "uploadFile"]);
    const answer = (await client.callTool({ name: "createShare", arguments: { title: "Not mine" } })) as Answer;
    expect(answer.isError).toBe(true);
    expect(JSON.stringify(answer.content)).toContain("operation_not_allowed");
  });

  test("what must be confirmed is asked for, in words", async () => {
    const client = await connect(AGENT_TOKEN);
    const answer = (await client.callTool({ name: "createHandoffLink", arguments: {} })) as Answer;
    expect(answer.isError).toBe(true);
    expect(JSON.stringify(answer.content)).toContain("confirmation_missing");
  });

  test.each([
    { what: "no token", headers: {}, method: "POST", status: 401 },
    { what: "a wrong token", headers: { authorization: "Bearer wrong-token-0123456789" }, method: "POST", status: 401 },
    { what: "GET", headers: { authorization: `Bearer ${AGENT_TOKEN}` }, method: "GET", status: 405 },
  ])("$what is refused", async ({ headers, method, status }) => {
    const response = await fetch(`${bench.relay.url}/mcp`, { method, headers });
    expect(response.status).toBe(status);
    await response.body?.cancel();
  });

  test.each(["{", "[]", '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":1,"method":"nothing"}', "null"])(
    "%s breaks nothing",
    async (body) => {
      const response = await fetch(`${bench.relay.url}/mcp`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${AGENT_TOKEN}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
        },
        body,
      });
      expect(response.status).toBeLessThan(500);
      await response.body?.cancel();
    },
  );
});
