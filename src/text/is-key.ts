/** Whether a header can carry it as a key. Those that are handed out are of visible ASCII characters. */
export const isKey = (text: string): boolean => /^[!-~]+$/.test(text);

/** Why something is none, in words that do not tell it. */
export const NO_KEY = "holds what is no key: a blank, a line break or a letter beyond ASCII";
