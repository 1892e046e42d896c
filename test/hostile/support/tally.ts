/** What was answered how often and how fast, for the report of a run. */
export interface Tally {
  count(name: string, status: number, ms: number): void;
  /** Milliseconds within which this share of all answers came. */
  quantile(share: number): number;
  calls(): number;
  lines(): string[];
}

export function tally(): Tally {
  const rows = new Map<string, Map<number, number>>();
  const times: number[] = [];
  const sorted = () => [...times].sort((left, right) => left - right);
  const quantile = (share: number) => {
    const all = sorted();
    return all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? 0;
  };
  return {
    count: (name, status, ms) => {
      const row = rows.get(name) ?? new Map<number, number>();
      row.set(status, (row.get(status) ?? 0) + 1);
      rows.set(name, row);
      times.push(ms);
    },
    quantile,
    calls: () => times.length,
    lines: () => [
      ...[...rows].map(([name, row]) => {
        const found = [...row].sort(([left], [right]) => left - right).map(([status, count]) => `${status}: ${count}`);
        return `      ${name}  ${found.join(', ')}`;
      }),
      `      ${times.length} answers, p50 ${ms(quantile(0.5))}, p99 ${ms(quantile(0.99))}, longest ${ms(quantile(1))}`,
    ],
  };
}

const ms = (value: number) => `${Math.round(value)} ms`;
