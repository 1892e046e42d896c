/** An audit to verify, whole as it was exported, and the ways in which a forger would change it. */
import assert from 'node:assert/strict';
import { readAudit } from '../../../../api/audit/verify/audit-file.js';
import type { Finding } from '../../../../api/audit/verify/finding.js';
import { sealType } from '../../../../api/audit/verify/seals.js';
import { verifyAudit, type Given, type Report } from '../../../../api/audit/verify/verify.js';
import { signAs } from '../../../../activities/platform/jws.js';
import { firstPrevious, following, headOf, noHead, type AuditRecord } from '../../../../workflows/domain/record.js';
import type { Seal } from '../../../../workflows/domain/seal.js';
import { auditWorld, exported, type AuditWorld } from '../../../support/audit-world.js';

export const one = 'grant/00000000000000000000000001';
export const two = 'grant/00000000000000000000000002';

export type Edit = (record: AuditRecord) => AuditRecord;

export const of = (line: string | undefined) => JSON.parse(line ?? '{}') as AuditRecord;
export const text = (record: AuditRecord): string => `${JSON.stringify(record)}\n`;
export const detail =
  (change: AuditRecord['detail']): Edit =>
  (record) => ({ ...record, detail: { ...record.detail, ...change } });

export class WholeAudit {
  readonly world: AuditWorld;
  readonly lines: string[];

  private constructor(world: AuditWorld, lines: string[]) {
    this.world = world;
    this.lines = lines;
  }

  static async make(): Promise<WholeAudit> {
    const world = await auditWorld();
    return new WholeAudit(world, await world.export());
  }

  async verify(text: readonly string[], more: Partial<Given> = {}): Promise<Report> {
    return verifyAudit(await readAudit(text), { keys: this.world.keys, ...more });
  }

  /** The first thing found, after checking that something was. */
  async caught(text: readonly string[], more: Partial<Given> = {}): Promise<Finding> {
    const { holds, findings } = await this.verify(text, more);
    assert.equal(holds, false);
    const [first] = findings;
    assert.ok(first);
    assert.match(first.says, /^[A-Z].*\.$/);
    return first;
  }

  lineOf(chain: string, sequence: number): number {
    const found = this.lines.findIndex((line) => of(line).chain === chain && of(line).sequence === sequence);
    assert.ok(found > 0, `${chain} ${sequence}`);
    return found;
  }

  chain(name: string): AuditRecord[] {
    return this.world.chains.get(name) ?? [];
  }

  others(name: string): AuditRecord[] {
    return [...this.world.chains].flatMap(([it, all]) => (it === name ? [] : all));
  }

  /** As whoever owns the state of a grant would do it: every hash fits again. */
  rewritten(name: string, edit: Edit, records = this.chain(name)): AuditRecord[] {
    const made: AuditRecord[] = [];
    for (const record of records) {
      const { hash: _hash, previous: _previous, sequence: _sequence, ...entry } = edit(structuredClone(record));
      made.push(following(headOf(made, noHead), entry));
    }
    return made;
  }

  at(name: string, sequence: number, edit: Edit): AuditRecord[] {
    return this.rewritten(name, (record) => (record.sequence === sequence ? edit(record) : record));
  }

  /** Made anew from the records on: seals and header too, by the keys that a party has. */
  async resealed(records: readonly AuditRecord[]): Promise<string[]> {
    const chains = new Map<string, AuditRecord[]>();
    for (const record of records) chains.set(record.chain, [...(chains.get(record.chain) ?? []), record]);
    const heads = [...chains].map(([name, all]) => ({ chain: name, ...headOf(all) }));
    const seal: Seal = { installation: 'test', number: 1, previous: firstPrevious, at: records[0]?.at ?? 0, heads };
    return exported(records, [await signAs(sealType, seal, this.world.private.seals)], this.world.private.api);
  }
}
