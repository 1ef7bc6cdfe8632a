import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { PermanentError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import { type RedisAddress, type RedisTls, readRedisUrl } from "./read-redis-url.ts";

/**
 * Where a Redis is, and how to speak TLS with it. Loads no client, so that a wrong address is told before anything starts.
 * @throws {PermanentError} `config_invalid` when the address does not fit, or a file of certificates cannot be read
 */
export function readRedis(url: string): {
  readonly address: RedisAddress;
  readonly tls: ConnectionOptions | undefined;
} {
  const address = readRedisUrl(url);
  if ("fault" in address) throw wrong(address.fault);
  return { address, tls: address.tls && readTls(address.tls) };
}

function readTls({ cacert, cert, key, servername }: RedisTls): ConnectionOptions {
  return {
    ...(cacert === undefined ? {} : { ca: readPem("cacert", cacert) }),
    ...(cert === undefined ? {} : { cert: readPem("cert", cert) }),
    ...(key === undefined ? {} : { key: readPem("key", key) }),
    ...(servername === undefined ? {} : { servername }),
  };
}

function readPem(parameter: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw wrong(`names a file by ${parameter} that cannot be read: ${messageOf(error)}`);
  }
}

const wrong = (fault: string): PermanentError =>
  new PermanentError("config_invalid", `REDIS_URL ${fault}`, { failure: "misconfigured" });
