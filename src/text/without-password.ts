/** An address as it may be told: a proxy on the way may want a name and a password, which stand in it. */
export const withoutPassword = (url: string): string => url.replace(/\/\/[^/?#]*@/, "//");
