/** Everything that the system leaves anywhere, as bytes by place, and whether a secret is in it in any usual form. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { System } from './system.js';

export type Stores = Map<string, Buffer>;

/** Names of files in the state folder that hold secrets by their purpose. */
const keepers = ['keys', 'bundle.js', 'zone'];

export async function storesOf(daypass: System): Promise<Stores> {
  const stores: Stores = new Map();
  stores.set('log of the processes', Buffer.from(daypass.said()));
  stores.set('mail', Buffer.from(JSON.stringify(daypass.mail.messages())));
  for (const own of [daypass.api, daypass.decisions, daypass.connectors]) {
    stores.set(`figures of ${own.name}`, Buffer.from(await (await fetch(new URL('/metrics', own.origin))).text()));
  }
  for (const [name, folder, leave] of [
    ['Temporal’s files', daypass.temporal.state, []],
    ['Redis’s files', daypass.redis.state, []],
    ['state', daypass.stateDir, keepers],
    ['PostgreSQL’s log', join(daypass.ordersDb.state, 'log'), []],
  ] as const) {
    for (const [path, bytes] of await filesIn(folder, leave)) stores.set(`${name}: ${path}`, bytes);
  }
  for (const [name, bytes] of await histories(daypass)) stores.set(name, bytes);
  return stores;
}

async function filesIn(folder: string, leave: readonly string[]): Promise<[string, Buffer][]> {
  // PostgreSQL keeps no log of its own unless a test tells it to; what must be there, that test asks for.
  const found = existsSync(folder) ? await readdir(folder, { recursive: true, withFileTypes: true }) : [];
  const paths = found.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const wanted = paths
    .map((path) => path.slice(folder.length + 1))
    .filter((path) => !leave.some((name) => path.startsWith(name)));
  return Promise.all(wanted.map(async (path) => [path, await readFile(join(folder, path))] as [string, Buffer]));
}

/** As Temporal itself hands them out: every event and every line of visibility, as bytes that nothing opened. */
async function histories(daypass: System): Promise<[string, Buffer][]> {
  const { address, namespace } = daypass.engine;
  const connection = await Connection.connect({ address });
  const { History } = proto.temporal.api.history.v1;
  const { WorkflowExecutionInfo } = proto.temporal.api.workflow.v1;
  const all: [string, Buffer][] = [];
  try {
    const { executions } = await connection.workflowService.listWorkflowExecutions({ namespace, pageSize: 1_000 });
    for (const info of executions ?? []) {
      const id = String(info.execution?.workflowId);
      all.push([`visibility of ${id}`, Buffer.from(WorkflowExecutionInfo.encode(info).finish())]);
      let nextPageToken: Uint8Array | undefined;
      do {
        const page = await connection.workflowService.getWorkflowExecutionHistory({
          namespace,
          execution: info.execution,
          ...(nextPageToken && { nextPageToken }),
        });
        all.push([`history of ${id}`, Buffer.from(History.encode(page.history ?? {}).finish())]);
        nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
      } while (nextPageToken);
    }
  } finally {
    await connection.close();
  }
  return all;
}

/** Where the secret is found, and in which form. */
export function traces(stores: Stores, secret: Buffer): string[] {
  return [...stores].flatMap(([name, bytes]) =>
    [...formsOf(secret)].filter(([, form]) => bytes.includes(form)).map(([form]) => `${form} in ${name}`),
  );
}

/** Plain, hexadecimal, URL-encoded, and base64 wherever it may stand in what was encoded as a whole. */
function formsOf(secret: Buffer): Map<string, Buffer> {
  const forms = new Map([
    ['plain', secret],
    ['hexadecimal', Buffer.from(secret.toString('hex'))],
    ['HEXADECIMAL', Buffer.from(secret.toString('hex').toUpperCase())],
    ['URL-encoded', Buffer.from(encodeURIComponent(secret.toString('utf8')))],
  ]);
  for (const shift of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(shift), secret])
      .toString('base64')
      .replace(/=+$/, '');
    // What the neighbours before and after share a character with is not the secret's alone.
    const own = text.slice([0, 2, 3][shift], (secret.length + shift) % 3 === 0 ? undefined : -1);
    forms.set(`base64 at ${shift}`, Buffer.from(own));
    forms.set(`base64url at ${shift}`, Buffer.from(own.replaceAll('+', '-').replaceAll('/', '_')));
  }
  return forms;
}
