import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";

/** In PEM. */
export type TestCertificate = { readonly cert: string; readonly key: string };

export type TestAuthority = TestCertificate & {
  /** @param names host names and IPv4 addresses */
  issue(names: readonly string[]): TestCertificate;
};

const VALID_FROM = "20200101000000Z";
const VALID_UNTIL = "21200101000000Z";
/** Object identifiers, as DER has them. */
const ECDSA_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");
const COMMON_NAME = Buffer.from("0603550403", "hex");
const BASIC_CONSTRAINTS = Buffer.from("0603551d13", "hex");
const ALTERNATIVE_NAMES = Buffer.from("0603551d11", "hex");
const TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
};

/** An authority of our own, since Node makes keys but no certificates. X.509 as in RFC 5280, section 4.1. */
export function createAuthority(): TestAuthority {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = "relay test authority";
  const isAuthority = extension(BASIC_CONSTRAINTS, sequence(der(TAGS.boolean, Buffer.from([0xff]))));
  const key = pemOf(privateKey);
  return {
    key,
    cert: certificate({ subject: name, issuer: name, publicKey, signer: privateKey, serial: 1, extra: isAuthority }),
    issue: (names) => {
      const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const extra = extension(ALTERNATIVE_NAMES, sequence(...names.map(alternativeName)));
      const signer = createPrivateKey(key);
      const subject = names[0] ?? "";
      return {
        key: pemOf(own.privateKey),
        cert: certificate({ subject, issuer: name, publicKey: own.publicKey, signer, serial: 2, extra }),
      };
    },
  };
}

function certificate(of: {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly serial: number;
  readonly extra: Buffer;
}): string {
  const algorithm = sequence(ECDSA_SHA256);
  const validity = sequence(der(TAGS.time, Buffer.from(VALID_FROM)), der(TAGS.time, Buffer.from(VALID_UNTIL)));
  const toSign = sequence(
    der(0xa0, der(TAGS.integer, Buffer.from([2]))), // version 3
    der(TAGS.integer, Buffer.from([of.serial])),
    algorithm,
    distinguishedName(of.issuer),
    validity,
    distinguishedName(of.subject),
    of.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(of.extra)),
  );
  const signature = der(TAGS.bits, Buffer.concat([Buffer.from([0]), sign("sha256", toSign, of.signer)]));
  const base64 = sequence(toSign, algorithm, signature).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

const pemOf = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();

const distinguishedName = (name: string): Buffer =>
  sequence(der(TAGS.set, sequence(COMMON_NAME, der(TAGS.utf8, Buffer.from(name)))));

const extension = (id: Buffer, value: Buffer): Buffer => sequence(id, der(TAGS.octets, value));

const alternativeName = (name: string): Buffer =>
  isIP(name) === 4 ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name));

const sequence = (...parts: readonly Buffer[]): Buffer => der(TAGS.sequence, Buffer.concat(parts));

/** A tag, the length in as few bytes as it takes, the content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
