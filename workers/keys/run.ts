/** Every command of `npm run keys`, as text in and text out. Throws an Error with a sentence for whoever typed it. */
import { parseArgs } from 'node:util';
import { rotateCodec } from './codec-ring.js';
import { createKey } from './create.js';
import type { Environment } from './kinds.js';
import { list } from './list.js';
import { passkeyLine } from './passkey.js';
import { pin, retire, unpin } from './pinned.js';
import { Trouble } from '../dev/trouble.js';

const help = `Use: npm run keys -- <command>

  list                                 which keys there are, since and until when, and who holds what
  new signing|receipt|seal|codec       makes a key: two files, the private one for its holder alone
      --out <folder>                     where to; else the folder that you are in
      --targets <a,b>                    of a receipt key: the targets that it may speak for
  pin <public key file>                adds it to the set of its kind
  retire <id>                          an API signing key signs no more; what it signed counts until it cannot matter
      --until <instant>                  else computed from policy and ceilings, and shown
  unpin <id>                           for a key that leaked: nothing that it signed counts from now on
  rotate-codec                         adds a key to the codec key ring
      --current <id>                     second step, when every process has it: it seals from now on
  passkey <enrolment>                  the line to add to a zone file, with the fingerprint to compare

  --file <file>                        the set or ring to work on; else the settings DAYPASS_API_KEYS_FILE,
                                       DAYPASS_RECEIPT_KEYS_FILE, DAYPASS_SEAL_KEYS_FILE and DAYPASS_CODEC_KEYS_FILE
                                       name it, and without any of them it is the development stack's

docs/keys.md leads through a rotation and through a leak.`;

export async function run(args: string[], env: Environment): Promise<string> {
  // An id may begin with a hyphen, which would make it an option.
  const [command, ...rest] = args;
  const [subject] = rest[0]?.startsWith('--') ? [] : rest.splice(0, 1);
  const { values, positionals: more } = parsed(rest);
  if (values.help || command === undefined || ['help', '--help', '-h'].includes(command)) return help;
  if (more.length > 0)
    throw new Trouble(`${more.join(' ')} is too much for ${command}. npm run keys shows what there is.`);
  const { file, until, current, out = '.', targets = '' } = values;
  switch (command) {
    case 'list':
      return list(env);
    case 'new':
      return createKey(subject, { folder: out, targets: targets.split(',').filter(Boolean) });
    case 'pin':
      return pin(subject, file, env);
    case 'retire':
      return retire(subject, { until, set: file }, env);
    case 'unpin':
      return unpin(subject, file, env);
    case 'rotate-codec':
      return rotateCodec({ current, file }, env);
    case 'passkey':
      return passkeyLine(subject, file, env);
    default:
      throw new Trouble(`There is no command ${command}. npm run keys shows what there is.`);
  }
}

function parsed(args: string[]) {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        file: text,
        until: text,
        current: text,
        out: text,
        targets: text,
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new Trouble(`${error instanceof Error ? error.message : String(error)} npm run keys shows what there is.`);
  }
}
