/** Spreading more bytes than this into one call would overflow the stack. */
const CHUNK_BYTES = 8_192;

/** Standard base64 with padding. */
export const encodeBase64 = (bytes: Uint8Array): string => {
  let binary = "";
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(at, at + CHUNK_BYTES));
  }
  return btoa(binary);
};

/** Bytes of base64 or base64url, padded or not; undefined when it is anything else, and for the empty text. */
export const decodeBase64 = (text: string): Uint8Array | undefined => {
  const digits = text.replace(/={1,2}$/, "");
  if (digits.length % 4 === 1 || !/^[A-Za-z0-9+/_-]+$/.test(digits)) return undefined;
  const binary = atob(digits.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
};
