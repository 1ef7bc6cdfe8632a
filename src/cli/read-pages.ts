/** What a relay or the ledger tells at a time. */
export const PAGE = 500;

type Query = Readonly<Record<string, string>>;

/**
 * The newest of a list, page by page, up to `limit`.
 * @param read one page, and what to ask for as `before` to get the next one
 * @param most what is told at a time
 * @returns undefined when a page could not be read
 */
export async function readPages<Item>(
  read: (query: Query) => Promise<{ readonly items: readonly Item[]; readonly next: string | null } | undefined>,
  query: Query,
  limit: number,
  most: number = PAGE,
): Promise<readonly Item[] | undefined> {
  const items: Item[] = [];
  let before: string | null = null;
  do {
    const wanted = String(Math.min(most, limit - items.length));
    const page = await read({ ...query, limit: wanted, ...(before === null ? {} : { before }) });
    if (!page) return undefined;
    items.push(...page.items);
    before = page.next;
  } while (before !== null && items.length < limit);
  return items;
}
