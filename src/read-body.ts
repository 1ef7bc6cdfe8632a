/** A request's body as bytes, or why there is none. */
export type LimitedBody =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "too_large"; readonly seenBytes: number }
  | { readonly kind: "cut_short"; readonly seenBytes: number };

/**
 * Reads a body up to a limit, counting what arrives and not what the sender claims.
 * @param declaredBytes the Content-Length, if there is one: a body that says it is too large is not read at all
 */
export async function readLimitedBody(
  body: ReadableStream<Uint8Array> | null,
  limitBytes: number,
  declaredBytes?: number,
): Promise<LimitedBody> {
  if (declaredBytes !== undefined && declaredBytes > limitBytes) {
    await body?.cancel().catch(() => undefined);
    return { kind: "too_large", seenBytes: declaredBytes };
  }
  if (!body) return { kind: "bytes", bytes: new Uint8Array() };
  const chunks: Uint8Array[] = [];
  let seenBytes = 0;
  try {
    for await (const chunk of body) {
      seenBytes += chunk.byteLength;
      // Leaving the loop cancels the stream.
      if (seenBytes > limitBytes) return { kind: "too_large", seenBytes };
      chunks.push(chunk);
    }
  } catch {
    // The sender went away in the middle: whatever came is not what was signed.
    return { kind: "cut_short", seenBytes };
  }
  return { kind: "bytes", bytes: chunks.length === 1 && chunks[0] ? chunks[0] : join(chunks, seenBytes) };
}

/** Not `Buffer.concat`: Workers read bodies with this too. */
function join(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
