import { expect, test } from "vitest";
import { tellFailure } from "../../../handlers/tools/tell-failure.ts";
import { toFailure } from "../../../src/fastio/client/failures.ts";
import { refuseOtherHosts } from "../../../src/http/host-guard.ts";

const thrownBy = (deed: () => void): unknown => {
  try {
    deed();
  } catch (error) {
    return error;
  }
  return undefined;
};

const elsewhere = thrownBy(() => refuseOtherHosts(new URL("https://example.com/x"), () => false, "source.open"));

test.each([
  { what: "a host that is not granted", error: elsewhere, status: 400, points: /fetch: in its rules file/ },
  { what: "what is gone in Fast.io", error: failed(404), status: 404, points: /ids and names/ },
  { what: "what the relay's key may not do", error: failed(403), status: 403, points: /whoever runs the relay/ },
  { what: "what Fast.io refuses", error: failed(400), status: 400, points: /Correct the input/ },
  { what: "what stands in the way in Fast.io", error: failed(409), status: 409, points: /what is there/ },
])("an agent is told of $what in words for agents, not for operators", ({ error, status, points }) => {
  const told = tellFailure(error);
  expect(told?.status).toBe(status);
  expect(told?.body["nextAction"]).toMatch(points);
  expect(told?.body["nextAction"]).not.toMatch(/API URL|trash|key's user|rule of yours/);
});

function failed(status: number): unknown {
  const problem = { code: "0", fields: [] };
  return toFailure({ operation: "fastio.share.read", status, problem });
}
