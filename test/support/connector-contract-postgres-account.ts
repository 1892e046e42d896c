/** An account on the PostgreSQL of a test, made by the connector as for an approved grant. */
import assert from 'node:assert/strict';
import { randomGrantId } from '../../api/grant-id.js';
import type { Order } from '../../activities/connectors/connector.js';
import type { PostgresPrivilege } from '../../activities/connectors/postgres/index.js';
import type { PostgresGround } from './connector-contract-postgres-ground.js';
import { minuteMs } from './signer.js';

export async function account(
  ground: PostgresGround,
  role = 'orders_reader',
  change: Partial<Order<PostgresPrivilege>> = {},
) {
  const order = {
    grantId: randomGrantId(),
    subject: 'person:engineer',
    entitlement: 'orders-db/read',
    privilege: { role },
    durationMs: 10 * minuteMs,
    endBy: Date.now() + 60 * minuteMs,
    evidenceDigest: 'e'.repeat(64),
    signedBy: ['key-1'],
    recipientKey: { kty: 'OKP' },
    attempt: 1,
    ...change,
  };
  const { credential, account: name } = await ground.connector.provision(order, new AbortController().signal);
  assert.ok(credential);
  return { order, grantId: order.grantId, credential, name };
}
