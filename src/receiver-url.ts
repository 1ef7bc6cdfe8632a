/** Where Fast.io posts to, below the address of a relay. */
export const RECEIVER_PATH = "/webhooks/fastio";

/** Where deliveries to the relay at this address go. */
export const receiverUrl = (publicUrl: string): string => new URL(RECEIVER_PATH, publicUrl).href;
