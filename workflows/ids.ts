/** Every name that crosses a process boundary, built and parsed in one place. */

/** 26 characters of lower-case Crockford base32: fits a PostgreSQL role name with its prefix. */
const grantIdShape = /^[0-9a-hjkmnp-tv-z]{26}$/;

export function isGrantId(text: string): boolean {
  return grantIdShape.test(text);
}

const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** The id that 130 bits make: random ones for a new grant, a digest where starting twice must be starting once. */
export function grantIdFrom(bytes: Uint8Array): string {
  let id = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5 && id.length < 26; bits -= 5) id += crockford[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  if (id.length < 26) throw new RangeError('A grant id needs 130 bits.');
  return id;
}

const grantPrefix = 'grant/';

export function grantWorkflowId(grantId: string): string {
  return grantPrefix + grantId;
}

const personPrefix = 'person/';

/** The passkeys of one person, by the directory's id. */
export function personWorkflowId(personId: string): string {
  return personPrefix + personId;
}

/** Undefined for the id of any other workflow. */
export function personIdOf(workflowId: string): string | undefined {
  const id = workflowId.startsWith(personPrefix) ? workflowId.slice(personPrefix.length) : '';
  return id === '' ? undefined : id;
}

/** What happened to the installation as a whole. */
export const journalId = 'journal';

/** Signs what the chains say, every minute. */
export const sealsId = 'seals';

/** Undefined for the id of any other workflow. */
export function grantIdOf(workflowId: string): string | undefined {
  const id = workflowId.startsWith(grantPrefix) ? workflowId.slice(grantPrefix.length) : '';
  return isGrantId(id) ? id : undefined;
}

export function reconcileWorkflowId(target: string): string {
  return `reconcile/${target}`;
}

/** A schedule starts `reconcile/<target>` with the time appended; undefined for the id of any other workflow. */
export function reconcileTarget(workflowId: string): string | undefined {
  return /^reconcile\/(.+?)(-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)?$/.exec(workflowId)?.[1];
}

/** The schedule, and the workflow that it starts. */
export const reassessId = 'reassess';

export const decisionsQueue = 'decisions';

export function changeQueue(target: string): string {
  return `target-${target}`;
}

/** Its own queue, so that no flood of requests delays a removal. */
export function undoQueue(target: string): string {
  return `target-${target}-undo`;
}

/** The Redis channel that says `changed` for one grant; the message is the grant's id. */
export const changedChannel = 'daypass:changed';
