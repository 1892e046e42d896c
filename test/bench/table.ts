/** Figures as Markdown: one table per question, with what has to be known to read it. */

export interface Table {
  title: string;
  columns: string[];
  rows: (string | number)[][];
  notes: string[];
}

export function markdown({ title, columns, rows, notes }: Table): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  const table = [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
  return [`### ${title}`, table, ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')])].join(
    '\n\n',
  );
}

/** The value that `share` of all values do not exceed: nearest rank, so that it is one that was measured. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

export function perSecond(count: number, withinMs: number): string {
  return `${((count * 1_000) / withinMs).toFixed(1)}/s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
