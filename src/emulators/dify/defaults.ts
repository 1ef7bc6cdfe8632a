/** The key of the app that an emulator has unless it is given others. */
export const DEFAULT_APP_KEY = "app-emulatedemulatedemulate";

/** Milliseconds for which a signed file link works (`FILES_ACCESS_TIMEOUT`). */
export const FILE_LINK_LIFE_MS = 300_000;

/** Milliseconds that a form waits for a person: three days, as the editor proposes. */
export const FORM_LIFE_MS = 3 * 86_400_000;

/** Milliseconds between two pings of a running workflow. */
export const PING_MS = 10_000;

/** Milliseconds without any message after which Dify ends a stream. */
export const STREAM_IDLE_MS = 300_000;
