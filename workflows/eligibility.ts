/** Asks whether a grant may go on: its subject under today's policy, its signatures under today's keys. */
import type { Eligibility } from '../activities/contract.js';
import { eligibilityFrom } from './answers.js';
import { read } from './calls.js';
import type { State } from './domain/state.js';

/** Evidence is ASCII, so characters are bytes. Beside a request (24 kB) it stays below the 64 kB that a payload may have. */
const evidenceBytesMax = 32_000;

/** Eligible only where nothing speaks against any of the evidence, which may take more than one question. */
export async function stillEligible(state: State, summary: string): Promise<Eligibility> {
  const { request } = state;
  let answer: Eligibility = { eligible: true, because: '', receiptKeys: [] };
  for (const evidence of pages(evidenceOf(state))) {
    const found = await read.stillEligible.executeWithOptions({ summary }, [{ request, evidence }]);
    answer = eligibilityFrom(found);
    if (!answer.eligible) break;
  }
  return answer;
}

/** Every signature that this grant rests on, or will when what is being decided is agreed. */
export function evidenceOf({ evidence, approvals, extensions, pendingExtension, approval }: State): string[] {
  const votes = approval ? [...approval.earlier, ...approval.votes].map((vote) => vote.evidence) : [];
  const asked = pendingExtension ? [...extensions, pendingExtension] : extensions;
  const moved = asked.flatMap((extension) => [extension.evidence, ...extension.approvals]);
  return [...new Set([evidence, ...approvals, ...votes, ...moved])];
}

function pages(evidence: string[]): string[][] {
  const found: string[][] = [];
  let bytes = Infinity;
  for (const one of evidence) {
    bytes += one.length;
    if (bytes > evidenceBytesMax) {
      found.push([]);
      bytes = one.length;
    }
    found.at(-1)?.push(one);
  }
  return found;
}
