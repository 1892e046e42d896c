/** Where a PostgreSQL target is, and as whom the connector works there. */
import { z } from 'zod';

export interface Address {
  host: string;
  port: number;
  /** What people are handed. */
  database: string;
  /** The provisioner. */
  user: string;
  tls: boolean;
}

const name = z.string().min(1).max(63);

const address = z.strictObject({
  host: z.string().min(1),
  // An expanded ${VARIABLE} arrives as text.
  port: z.coerce.number().int().min(1).max(65535).default(5432),
  database: name,
  user: name.default('daypass_provisioner'),
  tls: z.boolean().optional(),
});

const loopback = new Set(['localhost', '127.0.0.1', '::1']);

/** Throws an Error with a sentence for the operator. Encrypted and verified unless the server is on this machine. */
export function parseAddress(value: unknown): Address {
  const found = address.safeParse(value);
  if (found.success) return { ...found.data, tls: found.data.tls ?? !loopback.has(found.data.host) };
  const problems = found.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`);
  throw new Error(
    `The address of the PostgreSQL target is wrong (${problems.join('; ')}). ` +
      'Write it as { host: …, port: …, database: … }; user and tls may follow.',
  );
}
