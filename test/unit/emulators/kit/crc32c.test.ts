import { expect, test } from "vitest";
import { crc32c } from "../../../../src/emulators/kit/crc32c.ts";

// Check values of RFC 3720, B.4, and the usual "123456789".
test.each([
  { what: "nothing", bytes: Buffer.alloc(0), sum: "00000000" },
  { what: "123456789", bytes: Buffer.from("123456789"), sum: "e3069283" },
  { what: "32 zeroes", bytes: Buffer.alloc(32), sum: "8a9136aa" },
  { what: "32 bytes of ones", bytes: Buffer.alloc(32, 0xff), sum: "62a8ab43" },
])("CRC-32C of $what", async ({ bytes, sum }) => {
  expect(await crc32c([bytes])).toBe(sum);
  expect(await crc32c(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(sum);
});
