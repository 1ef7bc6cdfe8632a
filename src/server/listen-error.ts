import { PermanentError } from "../errors.ts";

/** By what a person says where to listen, such as `PORT`. */
export type ListenNames = { readonly host: string; readonly port: string };

/**
 * Why nobody can listen at an address, where that is for a person to mend.
 * @returns {PermanentError} `address_unusable`; any other error as it is
 */
export function toListenError(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
  names: ListenNames,
): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const found = REASONS[code];
  if (found === undefined) return error;
  return new PermanentError(
    "address_unusable",
    `cannot listen on ${host.includes(":") ? `[${host}]` : host}:${port}: ${found.why} (${code})`,
    {
      cause: error,
      failure: "misconfigured",
      nextAction: found.nextAction(names),
    },
  );
}

type Reason = { readonly why: string; readonly nextAction: (names: ListenNames) => string };

const otherHost = ({ host }: ListenNames): string => `name an address of this machine by ${host}`;

const REASONS: Readonly<Record<string, Reason>> = {
  EADDRINUSE: {
    why: "another program listens there already",
    nextAction: ({ port }) => `stop that program, or choose another port by ${port}; 0 picks a free one`,
  },
  EACCES: {
    why: "this user may not",
    nextAction: ({ port }) => `choose a port from 1024 on by ${port}`,
  },
  EADDRNOTAVAIL: { why: "this machine has no such address", nextAction: otherHost },
  ENOTFOUND: { why: "that name has no address", nextAction: otherHost },
  EAI_AGAIN: { why: "that name has no address for now", nextAction: otherHost },
};
