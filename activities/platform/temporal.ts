/**
 * The one way to reach Temporal: settings from its own environment configuration (`TEMPORAL_ADDRESS`,
 * `TEMPORAL_NAMESPACE`, TLS, ...), everything sealed, and one sentence when it cannot be reached.
 */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection } from '@temporalio/worker';
import { createCodec, type OnUnreadable } from './codec.js';
import type { KeyRing } from './keys.js';

/** The SDK loads it by path, here and in the workflow bundle: give it to `bundleWorkflowCode` too. */
export const failureConverterPath = fileURLToPath(
  new URL(`./failure-converter${extname(import.meta.url)}`, import.meta.url),
);

/** `mark` for workers, which nothing may wedge; `throw` for clients that must not mistake a marker for an answer. */
export function dataConverter(keys: KeyRing, onUnreadable: OnUnreadable = 'mark'): DataConverter {
  return { payloadCodecs: [createCodec(keys, onUnreadable)], failureConverterPath };
}

export interface ClientOptions {
  keys: KeyRing;
  /** `throw` unless told otherwise. A client that lists marks instead: one foreign row must not hide all others. */
  onUnreadable?: OnUnreadable;
}

/** Fails with a sentence when Temporal cannot be reached now. */
export async function connectClient(options: ClientOptions): Promise<Client> {
  const { connectionOptions, namespace } = settings();
  try {
    return client(await Connection.connect(connectionOptions), namespace, options);
  } catch (error) {
    throw unreachable(connectionOptions.address, error);
  }
}

/** Connects with the first call, so that a process can start and answer while Temporal is down. */
export function lazyClient(options: ClientOptions): Client {
  const { connectionOptions, namespace } = settings();
  return client(Connection.lazy(connectionOptions), namespace, options);
}

/** What a worker runs on. Fails with a sentence when Temporal cannot be reached now. */
export async function connectWorker(): Promise<{ connection: NativeConnection; namespace: string }> {
  const { connectionOptions, namespace } = settings();
  try {
    return { connection: await NativeConnection.connect(connectionOptions), namespace };
  } catch (error) {
    throw unreachable(connectionOptions.address, error);
  }
}

function client(connection: Connection, namespace: string, options: ClientOptions): Client {
  const { keys, onUnreadable = 'throw' } = options;
  return new Client({ connection, namespace, dataConverter: dataConverter(keys, onUnreadable) });
}

function settings() {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  return {
    connectionOptions: { ...connectionOptions, address: connectionOptions.address ?? 'localhost:7233' },
    namespace: namespace ?? 'default',
  };
}

function unreachable(address: string, cause: unknown): Error {
  const said = cause instanceof Error ? cause.message : 'no reason given';
  // The native library wraps the reason several times over.
  const why = /message: "([^"]+)"/.exec(said)?.[1] ?? said;
  return new Error(
    `Temporal cannot be reached at ${address}: ${why}. Start it with \`npm start\`, or set TEMPORAL_ADDRESS to where it runs.`,
    { cause },
  );
}
