import { expect, test } from "vitest";
import { emulators, textAt } from "./client.ts";

const start = emulators();
const share = { intelligence: "false", share_type: "send", access_options: "Anyone with the link" };
const page = async (url: string, init: RequestInit = {}) => {
  const answer = await fetch(url, { redirect: "manual", ...init });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
};

test("a share page lists the files with sizes and links that work, and escapes every name", async () => {
  const { emulator, api, ws } = await start();
  const evil = `<script>alert("x")<`;
  await emulator.dropFile({ name: `${evil}.md`, content: "# hi", folder: "Out" });
  await emulator.dropFile({ name: "clean.csv", content: "a,b\n", folder: "Out/deep" });
  const listing = await api.get(`${ws}/storage/root/list/`);
  const made = await api.post(`${ws}/create/share/`, {
    ...share,
    title: "Report <b>& more</b>",
    storage_mode: "workspace_folder",
    folder_node_id: textAt(listing.body, "nodes", "items", 0, "id"),
  });
  const url = textAt(made.body, "share", "url");
  const { status, headers, text } = await page(url);
  expect(status).toBe(200);
  expect(headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  expect(text).not.toMatch(/<script|<b>/);
  expect(text).toContain("Report &lt;b&gt;&amp; more&lt;/b&gt;");
  expect(text).toContain("Relay Agent (agent@example.test)");
  expect(text).toContain("deep/clean.csv");
  const links = [...text.matchAll(/href="([^"]+)"/g)].map((match) => new URL(match[1] ?? "", url).href);
  const bodies = await Promise.all(links.map(async (link) => (await page(link)).text));
  expect(bodies.sort()).toEqual(["# hi", "a,b\n"]);
  const accesses = await api.get(`/events/search/?share_id=${textAt(made.body, "share", "id")}`);
  expect(JSON.stringify(accesses.body)).toContain("share_storage_download_token_created");
});

test("a password share asks first, for the page and for each file", async () => {
  const { api, ws } = await start();
  const made = await api.post(`${ws}/create/share/`, { ...share, title: "Secret files", password: "open sesame" });
  const id = textAt(made.body, "share", "id");
  const url = textAt(made.body, "share", "url");
  const chunk = { part: "chunk", name: "a.txt", bytes: Buffer.from("a") };
  const fields = { name: "a.txt", size: "1", action: "create", instance_id: id, folder_id: "root" };
  const file = await api.multipart("/upload/", { ...fields, profile_type: "share" }, chunk);
  const link = `${url}/files/${textAt(file.body, "new_file_id")}`;
  expect((await page(url)).status).toBe(401);
  expect((await page(link)).status).toBe(401);
  expect((await page(url)).text).not.toContain("a.txt");
  const wrong = await page(url, { method: "POST", body: new URLSearchParams({ password: "guess" }) });
  expect(wrong.status).toBe(403);
  const right = await page(url, { method: "POST", body: new URLSearchParams({ password: "open sesame" }) });
  expect(right.status).toBe(303);
  const cookie = right.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
  expect((await page(url, { headers: { cookie } })).text).toContain("a.txt");
  expect((await page(link, { headers: { cookie } })).text).toBe("a");
  expect((await api.post(`/share/${id}/auth/password/`, { password: "guess" })).status).toBe(401);
  expect((await api.post(`/share/${id}/auth/password/`, { password: "open sesame" })).status).toBe(200);
});

test("links that lead nowhere or are over say so", async () => {
  const { emulator, api, ws } = await start();
  expect((await page(`${emulator.url}/shared/nobody-here/x`)).status).toBe(404);
  const made = await api.post(`${ws}/create/share/`, { ...share, title: "Old", expires: "2020-01-01 00:00:00" });
  expect((await page(textAt(made.body, "share", "url"))).status).toBe(410);
});
