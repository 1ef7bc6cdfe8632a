import { expect, test } from "vitest";
import { checkVariables } from "../../../src/cli/load-settings.ts";
import { parseConfig } from "../../../src/config.ts";
import { sampleRule } from "../../support/workbench.ts";

const RULE = sampleRule({ deliver: "notice: NOTICE_URL, password: SHARE_PASSWORD" });
const FULL = {
  FASTIO_API_KEY: "key",
  DIFY_API_KEY: "app-key",
  SHARE_PASSWORD: "sesame",
  NOTICE_URL: "https://hooks.slack.com/services/T0/B0/secret-part",
};
const check = (environment: Readonly<Record<string, string>>) => () => checkVariables([RULE], parseConfig(environment));

test("a rule with all its variables set is fine", () => {
  expect(check(FULL)).not.toThrow();
});

test.each([
  { what: "unset", environment: { ...FULL, NOTICE_URL: "" }, says: /NOTICE_URL: is named by the rule .* not set/ },
  {
    what: "of a host that nobody named",
    environment: { ...FULL, NOTICE_URL: "https://chat.example.com/hooks/secret-part" },
    says: /NOTICE_URL: leads to a host that NOTICE_HOSTS does not name/,
  },
])("an address for notices that is $what is told by the variable's name alone", ({ environment, says }) => {
  expect(check(environment)).toThrow(
    expect.objectContaining({ code: "config_invalid", message: expect.stringMatching(says) }),
  );
  expect(check(environment)).not.toThrow(/secret-part/);
});

test("a host that NOTICE_HOSTS names may be anywhere", () => {
  const own = { NOTICE_HOSTS: "chat.internal:8065", NOTICE_URL: "http://chat.internal:8065/hooks/x" };
  expect(check({ ...FULL, ...own })).not.toThrow();
  expect(() => parseConfig({ ...FULL, NOTICE_HOSTS: "https://chat.internal" })).toThrow(/NOTICE_HOSTS/);
});
