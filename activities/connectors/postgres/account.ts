/** The name and the label of an account, by which a retry finds its own work and a stranger's role is never touched. */
import { z } from 'zod';
import type { Instant } from '../../../workflows/domain/time.js';
import { isGrantId } from '../../../workflows/ids.js';
import { TargetError } from '../connector.js';

/** At most 55 of PostgreSQL's 63 bytes: an installation has at most 20 characters and a grant id 26. */
export function accountName(installation: string, grantId: string): string {
  if (!isGrantId(grantId)) throw new TargetError('refused', 'target-refused', 'This is not the id of a grant.');
  return `daypass_${installation}_${grantId}`;
}

/** An account that is being removed. */
export interface Account {
  name: string;
  /** PostgreSQL's number of it. */
  role: number;
  /** The role that it was a member of. */
  privilege: string;
  /** Absent where the provisioner itself made it. */
  maker: string | undefined;
}

/** Stands in the role's comment, which the account itself cannot change. */
export interface Label {
  installation: string;
  grantId: string;
  /** SHA-256 of the evidence that the present end rests on. */
  evidence: string;
  /** The role that the account was made a member of. */
  privilege: string;
  startsAt: Instant;
  endsAt: Instant;
  /** The attempt whose password is valid. */
  attempt: number;
  /** Of the renewal whose password is valid, if there was one. */
  renewedAt?: Instant;
  /** Ids of the API's keys that signed what this account stands on. */
  signedBy: string[];
}

// Instants stand as RFC 3339 in the comment, for the administrator who reads it.
const instant = z.codec(z.iso.datetime(), z.number(), {
  decode: (text) => Date.parse(text),
  encode: (at) => new Date(at).toISOString(),
});

const label: z.ZodType<Label, unknown> = z.strictObject({
  installation: z.string(),
  grantId: z.string(),
  evidence: z.string(),
  privilege: z.string(),
  startsAt: instant,
  endsAt: instant,
  attempt: z.int(),
  renewedAt: instant.optional(),
  // What says nothing of it was signed by nobody known, and does not stand for long.
  signedBy: z.array(z.string()).default([]),
});

export function labelText(of: Label): string {
  return JSON.stringify({
    ...of,
    startsAt: new Date(of.startsAt).toISOString(),
    endsAt: new Date(of.endsAt).toISOString(),
    ...(of.renewedAt === undefined ? {} : { renewedAt: new Date(of.renewedAt).toISOString() }),
  });
}

/** Every key that anything of an account rests on: when one of them leaks, so may have all of it. */
export function allOf(signedBy: string[], more: string[]): string[] {
  return [...new Set([...signedBy, ...more])].sort();
}

/** Undefined for a comment that we did not write. */
export function readLabel(comment: string | undefined): Label | undefined {
  if (comment === undefined) return undefined;
  try {
    return label.parse(JSON.parse(comment));
  } catch {
    // Anybody may write anything into a comment: what is not a label is a stranger's.
    return undefined;
  }
}

/** The label of a role that is this grant's account. Throws when the role belongs to anybody else. */
export function ownLabel(installation: string, grantId: string, comment: string | undefined): Label {
  const found = readLabel(comment);
  if (found?.installation === installation && found.grantId === grantId) return found;
  const name = accountName(installation, grantId);
  throw new TargetError(
    'refused',
    'target-refused',
    `The role ${name} is there but does not carry the label of this grant, so it was not touched. ` +
      `Rename or drop it if it is a stranger's; restore its comment if it is ours.`,
  );
}
