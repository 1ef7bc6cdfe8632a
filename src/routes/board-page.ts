import type { MiddlewareHandler } from "hono";

/** What bull-board asks of Google though no page may, each time with two complaints in the browser. */
const FONTS = /<link href="https:\/\/fonts\.googleapis\.com\/[^>]*>/;
const LOOKS =
  "position:fixed;right:1rem;bottom:1rem;z-index:9;padding:0.4rem 0.8rem;border:1px solid #8b96a5;border-radius:0.5rem;background:#151a21;color:#e7e8ec;text-decoration:none";
const WAY_BACK = `<nav aria-label="relay"><a href="/" style="${LOOKS}">Back to relay</a></nav>`;

/** The pages of bull-board with the way back to ours, which its own frame hides in a menu, and with no font of others. */
export const mendBoardPage: MiddlewareHandler = async (context, next) => {
  await next();
  if (!(context.res.headers.get("content-type") ?? "").startsWith("text/html")) return;
  const page = await context.res.text();
  if (!page.includes('<div id="root">')) {
    context.res = new Response(page, context.res);
    return;
  }
  context.res = new Response(page.replace(FONTS, "").replace('<div id="root">', `${WAY_BACK}$&`), context.res);
};
