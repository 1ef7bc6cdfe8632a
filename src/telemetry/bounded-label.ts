/** What stands for values that came after the places were taken. */
export const OTHER = "other";

/**
 * Keeps a label small: the first values get a name of their own, all later ones are `other`. A label with as many
 * values as there are files or people would wear out whoever stores the series.
 */
export function createBoundedLabel(most: number): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= most) return OTHER;
    known.add(value);
    return value;
  };
}
