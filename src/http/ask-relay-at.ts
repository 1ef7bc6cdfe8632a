/**
 * Asks the relay that whoever types a command named. No redirect is followed: what is sent, a token among it, is meant
 * for that address and no other.
 * @throws what `fetch` throws when nobody answers, or who answers sends us elsewhere
 */
export const askRelayAt = (url: string, init: Omit<RequestInit, "redirect">): Promise<Response> =>
  fetch(url, { ...init, redirect: "error" });
