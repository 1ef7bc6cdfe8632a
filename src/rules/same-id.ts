/** Whether two spellings name the same thing: Fast.io writes an id with and without hyphens, in either case. */
export const sameId = (left: string, right: string): boolean => bareId(left) === bareId(right);

const bareId = (id: string): string => id.replaceAll("-", "").toLowerCase();
