import { createTransport, type Transport, type TransportOptions } from "../../src/http/transport.ts";

/** A transport for servers of this machine, as if each of them were configured. */
export const openTransport = (options: Partial<TransportOptions> = {}): Transport =>
  createTransport({ isConfigured: () => true, ...options });
