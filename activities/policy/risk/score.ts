/** Adds the factors up to a score from 0 to 100 that explains itself. A signal that is missing adds points, never removes any. */
import type { Band, Factor, Risk } from '../../../workflows/domain/rule.js';
import type { RiskRules } from '../schema/risk.js';
import { factors, type Facts } from './factors.js';

export function score(facts: Facts, rules: RiskRules): Risk {
  const found: Factor[] = [];
  const missing: string[] = [];
  for (const [id, weigh] of Object.entries(factors)) {
    const weight = weigh(facts, rules.factors);
    if (weight === undefined) missing.push(id);
    else found.push({ id, ...weight });
  }
  if (missing.length > 0) {
    const evidence = `Signals that could not be read: ${missing.join(', ')}.`;
    found.push({ id: 'missing-signals', points: rules.factors.missing.points, evidence });
  }
  const sum = found.reduce((total, factor) => total + factor.points, 0);
  const total = Math.min(100, Math.max(0, sum));
  return { score: total, band: bandOf(total, rules.bands), factors: found, missing };
}

function bandOf(total: number, { elevated, high, refuse }: RiskRules['bands']): Band {
  if (total >= refuse) return 'refuse';
  if (total >= high) return 'high';
  return total >= elevated ? 'elevated' : 'low';
}
