/** What the target itself takes: the connector's own SQL on connections like its, called directly, without anything around it. */
import type { Credential } from '../../activities/connectors/connector.js';
import { postgres } from '../../activities/connectors/postgres/index.js';
import { randomGrantId } from '../../api/grant-id.js';
import type { System } from '../support/system.js';

export interface FloorTarget {
  newId(): string;
  provision(grantId: string): Promise<Credential | undefined>;
  remove(grantId: string): Promise<void>;
  close(): Promise<void>;
}

/** As an installation of its own: its accounts are nobody's grants. */
export async function openFloorTarget({ ordersDb }: System): Promise<FloorTarget> {
  const { host, port, database, provisioner } = ordersDb;
  const connector = postgres({
    installation: 'floor',
    address: { host, port, database },
    credential: provisioner.password,
  });
  const privilege = { role: 'orders_reader' };
  await connector.check([privilege]);
  const bounded = (): AbortSignal => AbortSignal.timeout(60_000);
  return {
    newId: randomGrantId,
    async provision(grantId) {
      const order = {
        grantId,
        subject: 'person:floor',
        entitlement: 'orders-db/read',
        privilege,
        durationMs: 3_600_000,
        endBy: Date.now() + 7_200_000,
        evidenceDigest: '0'.repeat(64),
        signedBy: ['floor'],
        recipientKey: { kty: 'OKP', crv: 'X25519', x: '' },
        attempt: 1,
      } as const;
      return (await connector.provision({ ...order, signedBy: ['floor'] }, bounded())).credential;
    },
    async remove(grantId) {
      await connector.remove(grantId, bounded());
    },
    close: () => connector.close(),
  };
}
