/** Inputs of the signature vectors; computed with Node's `crypto` and checked with Python's `hmac`. */
export const SIGNED_AT_S = 1767225600; // 2026-01-01T00:00:00Z
export const NOW_MS = SIGNED_AT_S * 1000;
export const S = "fastio-test-secret-0001";
export const S2 = "fastio-test-secret-0002";
export const HEX = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
export const B64 = "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=";
export const WH = `whsec_${B64}`;

const bytes = (text: string) => new TextEncoder().encode(text);

export const bodyA = bytes(
  '{"event":"file.uploaded","event_id":"evt_0001","workspace_id":"1234567890123456789","file_id":"f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjf","version":"v1","user_id":"2233445566778899001","timestamp":"2026-01-01T00:00:00Z"}',
);
export const bodyB = bytes(
  '{"event_id":"abcde-00001","event":"workspace_storage_file_added","created":"2026-01-01 00:00:00 UTC","workspace_id":"1234567890123456789","object_id":"f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjf"}',
);
export const bodyC = bytes(
  '{"eventType":"upload","workspaceId":"1234567890123456789","fileId":"f3jm5-zqzfx-pxdr2-dx8z5-bvnb3-rpjfm4","fileName":"report.pdf","fileSize":2048,"userId":"2233445566778899001","timestamp":"2026-01-01T00:00:00Z","eventId":"evt-abc123"}',
);
export const bodyU = bytes('{"event":"file.uploaded","name":"Bericht ü – 報告.pdf"}');
