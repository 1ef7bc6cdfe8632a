/** Unix seconds, the unit of Dify's stamps. */
export const toSeconds = (ms: number) => Math.floor(ms / 1000);
