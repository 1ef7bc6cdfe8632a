import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from "yaml";

/** Where in the file a place of the rules stands. Lines and columns count from 1. */
export type Position = { readonly line: number; readonly column: number };

export type Located = Position & {
  /** The path as far as the file has it: a default or a list's missing brackets are not in the file. */
  readonly path: readonly PropertyKey[];
};

/** Finds the value at a path, or the nearest place above it that the file has. */
export function locate(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Located {
  let node = resolved(document, document.contents);
  let offset = node?.range?.[0] ?? 0;
  let depth = 0;
  for (const key of path) {
    const child = childOf(node, key);
    if (child === undefined) break;
    offset = child.offset;
    node = resolved(document, child.value);
    depth += 1;
  }
  return { ...positionAt(lines, offset), path: path.slice(0, depth) };
}

/** Finds the key itself, for faults that are about the key. */
export function locateKey(document: Document, lines: LineCounter, path: readonly PropertyKey[], key: string): Position {
  const parent = resolved(document, document.getIn(path, true));
  const pair = isMap(parent) ? parent.items.find((item) => keyText(item.key) === key) : undefined;
  const offset = isNode(pair?.key) ? pair.key.range?.[0] : undefined;
  return offset === undefined ? locate(document, lines, path) : positionAt(lines, offset);
}

export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function childOf(node: Node | undefined, key: PropertyKey): { value: unknown; offset: number } | undefined {
  if (isSeq(node) && typeof key === "number") {
    const item = node.items[key];
    return isNode(item) ? { value: item, offset: item.range?.[0] ?? 0 } : undefined;
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => keyText(item.key) === String(key));
  if (!isNode(pair?.key)) return undefined;
  // An empty value has no place of its own worth pointing at; its key has.
  const empty = !isNode(pair.value) || (isScalar(pair.value) && pair.value.value === null);
  const shown = empty ? pair.key : pair.value;
  return { value: pair.value, offset: (isNode(shown) ? shown.range?.[0] : undefined) ?? 0 };
}

const keyText = (key: unknown): string | undefined => (isScalar(key) ? String(key.value) : undefined);

function resolved(document: Document, value: unknown): Node | undefined {
  if (isAlias(value)) return value.resolve(document);
  return isNode(value) ? value : undefined;
}
