import { lookup as systemLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { PermanentError } from "../errors.ts";
import { isPublicAddress, mayHoldService } from "./public-address.ts";

/** Whether whoever runs the relay named this place, of which only scheme, host and port are given. */
export type IsConfigured = (origin: URL) => boolean;

/** For doors that lead to the public internet only. */
export const NOTHING_CONFIGURED: IsConfigured = () => false;

/**
 * Name look-up that gives public addresses or none. The connection is made to the very addresses that were checked, so
 * a name that means another one a moment later gains nothing.
 */
export const publicLookup = (lookup: LookupFunction = systemLookup): LookupFunction =>
  guardedLookup(lookup, isPublicAddress, refusedAddress);

/** The same for names that were configured, which may mean private addresses, but none where no service can be. */
export const configuredLookup = (lookup: LookupFunction = systemLookup): LookupFunction =>
  guardedLookup(lookup, mayHoldService, refusedService);

function guardedLookup(
  lookup: LookupFunction,
  isAllowed: (address: string) => boolean,
  refuse: (hostname: string) => PermanentError,
): LookupFunction {
  const lookUp = askTogether(lookup);
  return (hostname, options, done) => {
    lookUp(hostname, { ...options, all: true }, (error, found) => {
      if (error) return done(error, "", 0);
      const addresses = Array.isArray(found) ? found : [{ address: found, family: isIP(found) }];
      const [first] = addresses;
      // One that is refused among them is enough: no honest name has both.
      if (first === undefined || !addresses.every(({ address }) => isAllowed(address)))
        return done(refuse(hostname), "", 0);
      if (options.all === true) return done(null, addresses);
      done(null, first.address, first.family);
    });
  };
}

/**
 * Whoever asks for a name that is being looked up gets the same answer. Of a process two look-ups go on at a time, and one
 * that its name server leaves without an answer cannot be given up: two requests to one such name, and every other name
 * would have none either.
 */
function askTogether(lookup: LookupFunction): LookupFunction {
  const asking = new Map<string, Parameters<LookupFunction>[2][]>();
  return (hostname, options, done) => {
    const question = `${hostname} ${options.family} ${options.hints}`;
    const others = asking.get(question);
    if (others) {
      others.push(done);
      return;
    }
    const all = [done];
    asking.set(question, all);
    lookup(hostname, options, (...answer) => {
      asking.delete(question);
      for (const tell of all) tell(...answer);
    });
  };
}

/** Addresses written into a URL are never looked up, and so are checked here. @param hostname IPv6 with or without brackets */
export function refuseWrittenAddress(hostname: string): void {
  const bare = hostname.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0 && !isPublicAddress(bare)) throw refusedAddress(hostname);
}

const refusedAddress = (hostname: string): PermanentError =>
  new PermanentError("host_refused", `${hostname} is no address of the public internet`, {
    nextAction: "Give an address that anybody on the internet can reach.",
  });

const refusedService = (hostname: string): PermanentError =>
  new PermanentError(
    "host_refused",
    `${hostname} means an address where no service can be: link-local, multicast, or where a cloud hands out its keys`,
    {
      failure: "misconfigured",
      nextAction: "Find out why the name means that. If it must be so, write the address itself into the setting.",
    },
  );
