/** A credential as something to copy: the values, and the line that logs in. */
import type { CredentialBody } from '../schemas/answers.js';

export interface Secret {
  id: string;
  name: string;
  hint?: string;
  value: string;
}

export function secretsOf(credential: NonNullable<CredentialBody['credential']>): Secret[] {
  const { host, port, database, username, password } = credential;
  const authority = `${encodeURIComponent(username)}:${encodeURIComponent(password)}@${host}:${port}`;
  return [
    {
      id: 'psql',
      name: 'Command',
      hint: 'Paste it into a terminal. It asks for the password, so that the password stays out of your shell’s history.',
      value: `psql ${shellWord(`host=${conninfo(host)} port=${port} dbname=${conninfo(database)} user=${conninfo(username)}`)}`,
    },
    { id: 'password', name: 'Password', value: password },
    { id: 'user', name: 'User', value: username },
    {
      id: 'url',
      name: 'Connection URL',
      hint: 'For tools that take one line. It contains the password.',
      value: `postgresql://${authority}/${encodeURIComponent(database)}`,
    },
  ];
}

/** A value of a libpq connection string. */
function conninfo(value: string): string {
  return /^[\w.:-]+$/.test(value) ? value : `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** One word to a POSIX shell, whatever is in it. */
function shellWord(value: string): string {
  return /^[\w\s=.:-]+$/.test(value) ? `"${value}"` : `'${value.replaceAll("'", `'\\''`)}'`;
}
