/** The states of a grant, by their wire names, and small questions about them. */

export const liveStates = [
  'REQUESTED',
  'APPROVAL_AWAITED',
  'SCHEDULED',
  'ACTIVATING',
  'ACTIVE',
  'REVOKING',
  'WITHDRAWING',
] as const;

export const terminalStates = ['DENIED', 'EXPIRED', 'ACTIVATION_FAILED', 'ENDED', 'REVOKED', 'WITHDRAWN'] as const;

export const grantStates = [...liveStates, ...terminalStates] as const;

export type GrantState = (typeof grantStates)[number];

export function isTerminal(state: GrantState): boolean {
  return (terminalStates as readonly GrantState[]).includes(state);
}

/** Conditions that a grant can carry beside its state. */
export const conditions = [
  'escalated',
  'emergency',
  'reviewPending',
  'revocationOverdue',
  'externallyModified',
  'extensionPending',
] as const;

export type Condition = (typeof conditions)[number];
