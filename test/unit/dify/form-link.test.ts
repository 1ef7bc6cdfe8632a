import { expect, test } from "vitest";
import { formLinkOf } from "../../../src/dify/form-link.ts";

test.each([
  { apiUrl: "https://dify.example.com/v1", webUrl: undefined, link: "https://dify.example.com/form/abc" },
  { apiUrl: "http://127.0.0.1:8789/dify/v1", webUrl: undefined, link: "http://127.0.0.1:8789/form/abc" },
  {
    apiUrl: "https://api.example.com/v1",
    webUrl: "https://web.example.com/",
    link: "https://web.example.com/form/abc",
  },
  { apiUrl: "https://api.dify.ai/v1", webUrl: undefined, link: undefined },
  { apiUrl: "https://api.dify.ai", webUrl: "https://udify.example", link: "https://udify.example/form/abc" },
])("of $apiUrl with the pages at $webUrl, a form is at $link", ({ apiUrl, webUrl, link }) => {
  expect(formLinkOf({ apiUrl, webUrl })("abc")).toBe(link);
});

test("a token cannot lead anywhere else", () => {
  const link = formLinkOf({ apiUrl: "https://dify.example.com/v1", webUrl: undefined });
  expect(link("../apps?x#y")).toBe("https://dify.example.com/form/..%2Fapps%3Fx%23y");
});
