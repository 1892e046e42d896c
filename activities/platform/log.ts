/**
 * Structured logs, one line per event, without secrets: fields whose name says secret are struck out at any depth, and so
 * is everything in any text that looks like a token or a URL with a password.
 */
import { pino, type Logger } from 'pino';

export type Log = Logger;
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';

const secretName =
  /passw|secret|credential|token|authorization|cookie|evidence$|sealed|verifier|private|^(d|key|keys)$/i;
const struck = '[struck out]';
const depthMax = 6;

/** `write` takes finished lines; standard output unless told otherwise. */
export function createLog(
  name: string,
  level: LogLevel = 'info',
  write: (line: string) => void = (line) => process.stdout.write(line),
): Log {
  return pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      // Ours has been at it by then.
      serializers: { err: (cleaned: unknown) => cleaned },
      formatters: { level: (label) => ({ level: label }), log: (fields) => clean(fields, 0) },
    },
    { write: (line: string) => write(strike(line)) },
  );
}

function clean(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, secretName.test(name) ? struck : cleanValue(value, depth)]),
  );
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return cleanError(value, depth);
  if (depth >= depthMax) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => cleanValue(item, depth + 1));
  return clean(value, depth + 1);
}

/** Only what we know to be harmless: drivers hang queries and settings on their errors. */
function cleanError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: error.message,
    ...('code' in error ? { code: String(error.code) } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error && depth < depthMax ? { cause: cleanError(error.cause, depth + 1) } : {}),
  };
}

/** Compact JWS and JWE, and the password in a URL. */
function strike(line: string): string {
  return line
    .replace(/\beyJ[\w-]{8,}(\.[\w-]*){2,4}/g, struck)
    .replace(/(\w+:\/\/[^\s:/@"]*):[^\s@"]+@/g, `$1:${struck}@`);
}
