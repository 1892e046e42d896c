/** The kinds of keys that are rotated: what each is for, who holds it, and which settings name its files. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Trouble } from '../dev/trouble.js';

export type Environment = Readonly<Record<string, string | undefined>>;
export type SigningKind = 'signing' | 'receipt' | 'seal';

export interface Kind {
  title: string;
  /** Who holds the private part. */
  heldBy: string;
  /** Who believes the public part. */
  pinnedBy: string;
  privateFile: Located;
  publicFile: Located;
}

/** The setting that names a file, and what the file is called in the development stack. */
interface Located {
  setting: string;
  development: string;
}

export const kinds: Record<SigningKind, Kind> = {
  signing: {
    title: 'API signing keys: every request and widening decision',
    heldBy: 'the api processes',
    pinnedBy: 'api, decisions and connectors',
    privateFile: { setting: 'DAYPASS_SIGNING_KEY_FILE', development: 'api-signing.jwk.json' },
    publicFile: { setting: 'DAYPASS_API_KEYS_FILE', development: 'api-public.jwks.json' },
  },
  receipt: {
    title: 'Receipt keys: what a connector made, removed and read back',
    heldBy: 'the connector processes of one trust zone',
    pinnedBy: 'decisions; published by the api',
    privateFile: { setting: 'DAYPASS_RECEIPT_KEY_FILE', development: 'receipt.jwk.json' },
    publicFile: { setting: 'DAYPASS_RECEIPT_KEYS_FILE', development: 'receipt-public.jwks.json' },
  },
  seal: {
    title: 'Seal keys: where every audit chain stands, each minute',
    heldBy: 'the decisions workers',
    pinnedBy: 'whoever verifies the audit; published by the api',
    privateFile: { setting: 'DAYPASS_SEAL_KEY_FILE', development: 'seal.jwk.json' },
    publicFile: { setting: 'DAYPASS_SEAL_KEYS_FILE', development: 'seal-public.jwks.json' },
  },
};

export const codecRing: Located = { setting: 'DAYPASS_CODEC_KEYS_FILE', development: 'codec.json' };

export function isSigningKind(text: string): text is SigningKind {
  return Object.hasOwn(kinds, text);
}

/** As its setting says; where no setting names any key file, that of the development stack. Undefined where there is none. */
export function locate(located: Located, env: Environment): string | undefined {
  const named = env[located.setting];
  if (named) return named;
  const settings = [codecRing, ...Object.values(kinds).flatMap((kind) => [kind.privateFile, kind.publicFile])];
  if (settings.some(({ setting }) => env[setting])) return undefined;
  const file = join(resolve(env['DAYPASS_STATE_DIR'] ?? '.daypass'), 'keys', located.development);
  return existsSync(file) ? file : undefined;
}

/** The file that a command works on: named by `--file`, else as `locate` finds it. */
export function fileFor(located: Located, named: string | undefined, env: Environment): string {
  const file = named ?? locate(located, env);
  if (file) return file;
  throw new Trouble(`Name the file by --file <file>, or by the setting ${located.setting}.`);
}
