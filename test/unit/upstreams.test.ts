import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../src/config.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { openUpstreams } from "../../src/upstreams.ts";

test.each([
  ["", "is not set"],
  ["geheim\ngeheim", "holds what is no key"],
])("a rule whose key is %j is misconfigured, and says which variable to mend", (MY_APP, why) => {
  const upstreams = openUpstreams(parseConfig({ MY_APP }), {
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  });
  onTestFinished(() => upstreams.close());
  let thrown: unknown;
  try {
    upstreams.difyFor("MY_APP");
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: "unauthorized", failure: "misconfigured" });
  expect(thrown).toHaveProperty("message", expect.stringMatching(new RegExp(`^the variable MY_APP, .*${why}`)));
  expect(String(thrown)).not.toContain("geheim");
});
