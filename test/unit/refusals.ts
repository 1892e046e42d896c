/** Evidence that is refused shows in the figures of the decisions worker, by code. */
import assert from 'node:assert/strict';
import { register } from 'prom-client';
import { countRefusals } from '../../activities/refusals.js';
import { chained, type AuditRecord } from '../../workflows/domain/record.js';

const figure = async (code: string): Promise<number> => {
  const { values = [] } = (await register.getSingleMetric('daypass_evidence_refused_total')?.get()) ?? {};
  return values.find(({ labels }) => labels['code'] === code)?.value ?? 0;
};

const record = (type: AuditRecord['type'], detail: AuditRecord['detail']): AuditRecord[] =>
  chained([], { chain: 'grant/g', at: 1, type, by: 'system:daypass', detail });

describe('refused evidence', () => {
  it('is counted wherever it stands: a decision, an order, a receipt', async () => {
    const before = await figure('bad-evidence');
    countRefusals([
      ...record('decision-refused', { code: 'bad-evidence', because: 'no' }),
      ...record('activation-failed', { code: 'bad-evidence', because: 'no' }),
      ...record('removal-failed', { code: 'bad-receipt', because: 'no' }),
    ]);
    assert.equal(await figure('bad-evidence'), before + 2);
    assert.equal(await figure('bad-receipt'), 1);
  });

  it('is not what people err by, nor a target that is away', async () => {
    countRefusals([
      ...record('decision-refused', { code: 'already-decided', because: 'no' }),
      ...record('activation-failed', { code: 'target-unavailable', because: 'no' }),
      ...record('approved', {}),
    ]);
    for (const code of ['already-decided', 'target-unavailable']) assert.equal(await figure(code), 0);
  });
});
