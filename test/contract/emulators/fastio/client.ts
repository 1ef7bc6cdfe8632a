import { afterEach } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../../../src/emulators/fastio/defaults.ts";
import {
  type FastioEmulator,
  type FastioEmulatorOptions,
  startFastioEmulator,
} from "../../../../src/emulators/fastio/start.ts";

export type Json = Record<string, unknown>;
export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Json };

/** Picks a value out of nested JSON, so that tests need no casts. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    value,
  );
}
export const textAt = (value: unknown, ...path: readonly (string | number)[]): string => String(at(value, ...path));
export const listAt = (value: unknown, ...path: readonly (string | number)[]): readonly unknown[] => {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
};

/** A plain HTTP caller of the emulator, with no knowledge of either dialect. */
export function callerOf(emulator: FastioEmulator, key: string = D.relayKey) {
  const send = async (method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
    const answer = await fetch(emulator.apiUrl + path, {
      ...init,
      method,
      redirect: "manual",
      headers: { authorization: `Bearer ${key}`, ...init.headers },
    });
    const body: unknown = await answer.json();
    return { status: answer.status, headers: answer.headers, body: typeof body === "object" ? { ...body } : {} };
  };
  const form = (fields: Readonly<Record<string, string>>): RequestInit => ({ body: new URLSearchParams(fields) });
  return {
    send,
    get: (path: string) => send("GET", path),
    post: (path: string, fields: Readonly<Record<string, string>> = {}) => send("POST", path, form(fields)),
    delete: (path: string, fields?: Readonly<Record<string, string>>) => send("DELETE", path, fields && form(fields)),
    json: (method: string, path: string, value: unknown) =>
      send(method, path, { body: JSON.stringify(value), headers: { "content-type": "application/json" } }),
    multipart: (
      path: string,
      fields: Readonly<Record<string, string>>,
      file?: { readonly part: string; readonly name: string; readonly bytes: Uint8Array },
    ) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      if (file) body.append(file.part, new Blob([Uint8Array.from(file.bytes)]), file.name);
      return send("POST", path, { body });
    },
    raw: (path: string, init: RequestInit = {}) => fetch(emulator.apiUrl + path, init),
  };
}

/** Starts an emulator that is closed after the test. */
export function emulators() {
  const open: FastioEmulator[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((emulator) => emulator.close()));
  });
  return async (options: FastioEmulatorOptions = {}) => {
    const emulator = await startFastioEmulator({ uploadDelayMs: 2, ...options });
    open.push(emulator);
    return { emulator, api: callerOf(emulator), ws: `/workspace/${emulator.workspaceId}` };
  };
}
