/** The known word a person most likely meant, or undefined when none is near. */
export function suggest(written: string, known: readonly string[]): string | undefined {
  const wanted = plain(written);
  if (wanted.length > 64) return undefined;
  const ranked = known
    .map((word) => ({ word, distance: editDistance(wanted, plain(word)) }))
    .filter(({ word, distance }) => distance <= Math.max(1, Math.floor(plain(word).length / 3)))
    .sort((left, right) => left.distance - right.distance);
  return ranked[0]?.word;
}

/** `max_size` and `MaxSize` are `maxSize` in other habits of writing. */
const plain = (word: string): string => word.toLowerCase().replace(/[-_\s]/g, "");

/** Letters to insert, drop or replace (Levenshtein), row by row. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
