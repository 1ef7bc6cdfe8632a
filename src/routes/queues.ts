import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { HonoAdapter } from "@bull-board/hono";
import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono, MiddlewareHandler } from "hono";
import type { JobQueue } from "../../queues/backend.ts";
import { mendBoardPage } from "./board-page.ts";

/** bull-board, for what happens inside the queues. */
export function mountBoard(app: Hono, operator: MiddlewareHandler, queues: readonly JobQueue[]): void {
  const adapter = new HonoAdapter(serveStatic);
  adapter.setBasePath("/queues");
  createBullBoard({
    queues: queues.map(({ bullmq }) => new BullMQAdapter(bullmq)),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: "relay queues",
        miscLinks: [{ text: "Runs", url: "/runs" }],
        // It counts connections by name, of which an embedded queue has none.
        showWorkers: false,
        hideRedisDetails: true,
        hideDocsLink: true,
      },
    },
  });
  app.use("/queues", operator);
  app.use("/queues/*", operator);
  app.use("/queues/*", mendBoardPage);
  app.route("/queues", adapter.registerPlugin());
}
