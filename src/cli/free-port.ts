import { createServer } from "node:net";

/** The wished port on 127.0.0.1 if it is free, else any free one. */
export async function freePort(wished: number): Promise<number> {
  return (await probe(wished)) ?? (await probe(0)) ?? wished;
}

function probe(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      const found = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resolve(found));
    });
  });
}
