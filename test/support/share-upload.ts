import { FASTIO_EMULATOR_DEFAULTS as D } from "../../src/emulators/fastio/defaults.ts";
import type { FastioEmulator } from "../../src/emulators/fastio/start.ts";

async function post(fastio: FastioEmulator, path: string, body: URLSearchParams | FormData): Promise<unknown> {
  const response = await fetch(`${fastio.apiUrl}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${D.personKey}` },
    body,
  });
  if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** A person makes a share with files of its own, into which others may upload. @returns its id */
export async function makeUploadShare(fastio: FastioEmulator, customName: string): Promise<string> {
  const wish = { title: "Upload here", intelligence: "false", share_type: "receive", storage_mode: "independent" };
  const body = new URLSearchParams({ ...wish, custom_name: customName });
  const answer = await post(fastio, `/workspace/${fastio.workspaceId}/create/share/`, body);
  return (answer as { readonly share: { readonly id: string } }).share.id;
}

/** A person uploads a file into the own storage of a share. */
export async function uploadIntoShare(
  fastio: FastioEmulator,
  shareId: string,
  name: string,
  text: string,
): Promise<void> {
  const form = new FormData();
  const size = String(Buffer.byteLength(text));
  const wish = { name, size, action: "create", instance_id: shareId, folder_id: "root", profile_type: "share" };
  for (const [key, value] of Object.entries(wish)) form.set(key, value);
  form.set("chunk", new Blob([text]), name);
  await post(fastio, "/upload/", form);
}
