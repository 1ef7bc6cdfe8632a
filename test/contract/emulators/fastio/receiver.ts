import { createServer } from "node:http";
import { afterEach } from "vitest";
import { readBody } from "../../../../src/emulators/kit/body.ts";

export type Received = { readonly headers: Readonly<Record<string, string>>; readonly body: Buffer };

/** A webhook receiver that keeps what it gets and answers as told; closed after the test. */
export function receivers() {
  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((close) => close()));
  });
  /** @param statusOf by the number of the request, from 1; undefined answers never */
  return async (statusOf: (ordinal: number) => number | undefined = () => 200) => {
    const received: Received[] = [];
    const server = createServer(async (request, response) => {
      const body = await readBody(request, 1_048_576);
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const),
      );
      received.push({ headers, body });
      const status = statusOf(received.length);
      if (status !== undefined) response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    open.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return { url: `http://127.0.0.1:${port}/webhooks/fastio`, received };
  };
}
