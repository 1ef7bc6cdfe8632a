const PIECE_BYTES = 65_536;
const MARK_EVERY = 4_096;

/** Bytes that tell their place, so that a piece in the wrong place shows: from `from` to `to` (exclusive). */
export function* pattern(from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; ) {
    const end = Math.min(to, at - (at % PIECE_BYTES) + PIECE_BYTES);
    const piece = Buffer.alloc(end - at, Math.floor(at / PIECE_BYTES) & 255);
    for (let offset = (MARK_EVERY - (at % MARK_EVERY)) % MARK_EVERY; offset + 8 <= piece.length; offset += MARK_EVERY) {
      piece.writeDoubleLE(at + offset, offset);
    }
    yield piece;
    at = end;
  }
}
