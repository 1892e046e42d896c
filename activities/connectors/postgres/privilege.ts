/** What a ceiling file may say about a privilege at PostgreSQL. */
import { z } from 'zod';

/** Membership in one role that holds exactly what the entitlement stands for. */
export interface PostgresPrivilege {
  role: string;
}

const privilege = z.strictObject({
  role: z
    .string()
    .min(1, 'is empty')
    .refine((name) => Buffer.byteLength(name) <= 63, 'is longer than the 63 bytes that PostgreSQL keeps of a name')
    .refine((name) => !/\p{Cc}/u.test(name), 'contains control characters')
    .refine((name) => !name.startsWith('daypass_'), 'names a role of Daypass itself')
    .refine((name) => !name.startsWith('pg_'), 'names a predefined role; make one of your own that is a member of it'),
});

/** Throws an Error with a sentence for the operator. */
export function parsePrivilege(value: unknown): PostgresPrivilege {
  const found = privilege.safeParse(value);
  if (found.success) return found.data;
  const problems = found.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`);
  throw new Error(
    `The privilege is not one of PostgreSQL (${problems.join('; ')}). Write it as { role: <name of a role> }.`,
  );
}
