import type { LookupFunction } from "node:net";
import { configuredLookup } from "./guarded-lookup.ts";

/** For clients of others that ask by `node:http` a place that was configured: their agent, with our guard in it. */
export const configuredAgent = (lookup?: LookupFunction) => ({ keepAlive: true, lookup: configuredLookup(lookup) });
