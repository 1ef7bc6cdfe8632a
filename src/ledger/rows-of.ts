/** Both drivers answer a plain statement with an object that has `rows`; Drizzle's common type does not say so. */
export function rowsOf(answer: unknown): readonly Record<string, unknown>[] {
  return (answer as { readonly rows: readonly Record<string, unknown>[] }).rows;
}
