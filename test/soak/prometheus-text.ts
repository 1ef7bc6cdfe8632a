/** One line of Prometheus' text form. */
export type Metric = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** @param text as `/metrics` answers it; comments and what is no metric are passed over */
export function readMetrics(text: string): readonly Metric[] {
  return text.split("\n").flatMap((line) => {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    const read = [...labels.matchAll(LABEL)].map(([, label = "", text = ""]) => [label, text] as const);
    return [{ name, labels: Object.fromEntries(read), value: Number(value) }];
  });
}

/** The sum over all labels; undefined when there is none of this name. */
export function sumOf(metrics: readonly Metric[], name: string): number | undefined {
  const found = metrics.filter((metric) => metric.name === name);
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
