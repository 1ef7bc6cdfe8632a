import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Two servers that files are copied between, in a process of their own: they answer as Fast.io and Dify do, make the
 * bytes of a file out of nothing and keep none. What the emulators do with each byte would hide what is measured.
 */

const FILE_BYTES = Number(process.argv[2]);
/** Of a file that is copied before, whose address says so: what is loaded and compiled once is not measured. */
const WARM_UP_BYTES = 4 * 1_048_576;
const PIECE = Buffer.alloc(256 * 1_024, 7);
/** Stands for the bytes of the file in either server. */
const CONTENT = "/content";
const PLAN = { chunk_size: 104_857_600, size: 42_949_672_960, chunks: 35 };

const fastioUrl = await serve((request, response) => {
  const { url = "" } = request;
  if (/\/read\//.test(url)) return sendFile(url, response);
  void receive(request).then((bytes) => {
    if (url.endsWith(CONTENT)) return tell(response, { bytes });
    if (/\/requestread\//.test(url)) return tell(response, { result: true, response: { token: "one" } });
    if (/\/limits\//.test(url)) return tell(response, { result: true, response: PLAN });
    if (/\/details\//.test(url)) return tell(response, { result: true, response: { status: "complete" } });
    tell(response, { result: true, response: { id: "upload" } });
  });
});
const difyUrl = await serve((request, response) => {
  if (request.method === "GET") return sendFile(request.url, response);
  void receive(request).then((bytes) => tell(response, { id: "upload", extension: "bin", size: bytes }));
});
process.stdout.write(`${JSON.stringify({ fastioUrl, difyUrl, content: CONTENT })}\n`);
process.stdin.resume().once("end", () => process.exit(0));

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  server.requestTimeout = 0;
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function sendFile(url: string | undefined, response: ServerResponse): void {
  const size = url?.includes("warm-up") ? WARM_UP_BYTES : FILE_BYTES;
  response.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-length": String(size),
    "accept-ranges": "bytes",
  });
  let left = size;
  const goOn = (): void => {
    while (left > 0) {
      const piece = PIECE.subarray(0, left);
      left -= piece.length;
      if (!response.write(piece) && left > 0) {
        response.once("drain", goOn);
        return;
      }
    }
    response.end();
  };
  goOn();
}

/** @returns how many bytes came */
async function receive(request: IncomingMessage): Promise<number> {
  let bytes = 0;
  request.on("data", (piece: Buffer) => {
    bytes += piece.length;
  });
  await once(request, "end");
  return bytes;
}

const tell = (response: ServerResponse, body: object): void => {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
};
