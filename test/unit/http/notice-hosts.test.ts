import { describe, expect, test } from "vitest";
import { PUBLIC_NOTICE_HOSTS, whyNoNoticeUrl } from "../../../src/http/notice-hosts.ts";

const PUBLIC = { hosts: PUBLIC_NOTICE_HOSTS, isOwn: false };

describe("an address for notices", () => {
  test.each([
    { url: "https://hooks.slack.com/services/T0/B0/x", hosts: PUBLIC },
    { url: "http://chat.local:8065/hooks/x", hosts: { hosts: ["chat.local:8065"], isOwn: true } },
    { url: "https://acme.webhook.example.com/x", hosts: { hosts: ["*.webhook.example.com"], isOwn: true } },
    { url: "https://HOOKS.slack.com:443/x", hosts: PUBLIC },
  ])("$url is one", ({ url, hosts }) => {
    expect(whyNoNoticeUrl(url, hosts)).toBeUndefined();
  });

  test.each([
    { url: "hooks.slack.com/x", hosts: PUBLIC, reason: /no web address/ },
    { url: "http://hooks.slack.com/x", hosts: PUBLIC, reason: /https/ },
    { url: "file:///etc/passwd", hosts: { hosts: [""], isOwn: true }, reason: /https/ },
    { url: "https://hooks.slack.com.evil.example/x", hosts: PUBLIC, reason: /NOTICE_HOSTS/ },
    { url: "https://hooks.slack.com:8443/x", hosts: PUBLIC, reason: /NOTICE_HOSTS/ },
    { url: "https://me:pw@hooks.slack.com/x", hosts: PUBLIC, reason: /user name/ },
    {
      url: "https://webhook.example.com/x",
      hosts: { hosts: ["*.webhook.example.com"], isOwn: true },
      reason: /NOTICE/,
    },
  ])("$url is none, and the reason does not repeat it", ({ url, hosts, reason }) => {
    const why = whyNoNoticeUrl(url, hosts);
    expect(why).toMatch(reason);
    expect(why).not.toContain(url);
  });
});
