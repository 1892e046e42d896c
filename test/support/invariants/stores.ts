/** Promises 8 and 9: no secret where secrets have no business, and nothing in Redis that access or its end hangs on. */
import { looksSecret } from './secret-forms.js';
import type { Check } from './look.js';

/** What was planted is in no store, and nothing in histories or audit looks like a secret. */
export const holdsNoSecret: Check = ({ traces, grants, audit }) => [
  ...traces.map(({ secret, where }) => ({ because: `${secret} is ${where}` })),
  ...grants.flatMap(({ grantId, history }) =>
    history.flatMap(({ id, type, secret }) =>
      secret === undefined ? [] : [{ grantId, because: `event ${id} (${type}) holds ${secret}` }],
    ),
  ),
  ...audit.lines.flatMap((line, index) => {
    const found = looksSecret(line);
    return found === undefined ? [] : [{ because: `line ${index + 1} of the audit files holds ${found}` }];
  }),
];

/** Every kind of key that Daypass keeps there, and why its loss or its forgery gives nobody anything. */
const kept: [shape: RegExp, type: string, because: string][] = [
  [
    /^daypass:out:(kept-since|(ref|session):.+)$/,
    'string',
    'sign-outs: authenticated; lost, widening asks for a fresh sign-in',
  ],
  [/^daypass:limit:(address|actor|asks|sign-ins):.+$/, 'string', 'limits: counters that lapse within a minute'],
  [/^daypass:mailed:.+$/, 'string', 'marks of mail: lost, a mail repeats'],
  [/^daypass:risk:.+$/, 'string', 'baselines: sealed; lost, nothing is automatic for an hour'],
  [/^\{daypass:records\}$/, 'stream', 'a live tail of records that histories and files hold'],
  [/^\{daypass:records\}:told:.+$/, 'set', 'marks of the live tail: lost, a line repeats'],
];

/** What grants, removals and sign-ins need is elsewhere. A new kind of key takes a row, and with it a reason. */
export const redisHoldsNothingNeeded: Check = ({ redis }) =>
  redis.flatMap(({ key, type, value = '' }) => {
    const row = kept.find(([shape]) => shape.test(key));
    if (!row) return [{ because: `Redis holds ${key}, and nobody knows what its loss would mean` }];
    if (row[1] !== type) return [{ because: `Redis holds ${key} as a ${type}` }];
    const isPlain = /^daypass:(out|risk)/.test(key) && !/[\w-]{20,}/.test(value);
    return isPlain ? [{ because: `Redis holds ${key} without a seal` }] : [];
  });
