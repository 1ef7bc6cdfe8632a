/** For `node --import`: says which packages are loaded once the process is ready to take connections. */
import { subscribe } from "node:diagnostics_channel";
import { registerHooks } from "node:module";

const packages = new Set<string>();
registerHooks({
  resolve: (specifier, context, next) => {
    const found = next(specifier, context);
    const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(found.url)?.[1];
    if (name !== undefined) packages.add(name);
    return found;
  },
});
subscribe("tracing:net.server.listen:asyncEnd", () => {
  process.stdout.write(`${JSON.stringify({ event: "packages.loaded", packages: [...packages] })}\n`);
});
