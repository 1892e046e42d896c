/**
 * What a request below `/temporal` is: the page, a frame or a file of it, a call that only reads, or one that changes something.
 * The list of reading calls is closed (UI server 2.54, server 1.32): whatever is not on it counts as changing.
 */

export interface UiCall {
  kind: 'page' | 'frame' | 'asset' | 'read' | 'change';
  /** Where to ask the UI server, below its public path. */
  path: string;
  /** The workflow that a changing call names. */
  workflow?: string;
}

export const settingsPath = '/api/v1/settings';

/** One word, or `*` for one id. */
const readings: Record<string, string[][]> = {
  GET: [
    'settings',
    'cluster-info',
    'system-info',
    'nexus/endpoints',
    'nexus/endpoints/*',
    'namespaces',
    'namespaces/*',
    'namespaces/*/search-attributes',
    'namespaces/*/workflows',
    'namespaces/*/workflow-count',
    'namespaces/*/workflows/*',
    'namespaces/*/workflows/*/history',
    'namespaces/*/workflows/*/history-reverse',
    'namespaces/*/workflows/*/run/*/history.json',
    'namespaces/*/workflows/*/runs/*/history',
    'namespaces/*/workflows/*/runs/*/history-reverse',
    'namespaces/*/archived-workflows',
    'namespaces/*/activities',
    'namespaces/*/activities/*',
    'namespaces/*/activities/*/outcome',
    'namespaces/*/activity-count',
    'namespaces/*/schedules',
    'namespaces/*/schedules/*',
    'namespaces/*/schedules/*/matching-times',
    'namespaces/*/schedule-count',
    'namespaces/*/batch-operations',
    'namespaces/*/batch-operations/*',
    'namespaces/*/nexus-operations',
    'namespaces/*/nexus-operations/*',
    'namespaces/*/nexus-operation-count',
    'namespaces/*/task-queues/*',
    'namespaces/*/task-queues/*/worker-build-id-compatibility',
    'namespaces/*/task-queues/*/worker-versioning-rules',
    'namespaces/*/worker-task-reachability',
    'namespaces/*/workers',
    'namespaces/*/workers/describe/*',
    'namespaces/*/worker-count',
    'namespaces/*/worker-deployments',
    'namespaces/*/worker-deployments/*',
    'namespaces/*/worker-deployment-versions/*/*',
    'namespaces/*/deployments',
    'namespaces/*/deployments/*/*',
    'namespaces/*/deployments/*/*/reachability',
    'namespaces/*/current-deployment/*',
    'namespaces/*/workflow-rules',
    'namespaces/*/workflow-rules/*',
  ].map(segmentsOf),
  // A query asks a worker and leaves nothing behind: the UI shows stack traces and current details by it.
  POST: ['namespaces/*/workflows/*/query/*'].map(segmentsOf),
};

const asset = /^\/(_app\/[\w./~-]+|favicon\.ico)$/;
const api = '/api/v1/';

/** `path` as it was sent, still encoded, below `/temporal` and without the query. */
export function callOf(method: string, path: string): UiCall {
  const isApi = path === '/api' || path.startsWith('/api/');
  if (method === 'GET' && !isApi) {
    // Markdown of a workflow, made HTML by the UI server. It looks for it below its public path twice.
    if (path === '/render') return { kind: 'frame', path: '/temporal/render' };
    // Whatever page is asked for, the one page of the UI is answered, so that nothing of an address ever gets into one.
    return asset.test(path) && !climbs(path) ? { kind: 'asset', path } : { kind: 'page', path: '/' };
  }
  const segments = path.startsWith(api) && !climbs(path) ? segmentsOf(path.slice(api.length)) : undefined;
  if (segments && readings[method]?.some((reading) => fits(reading, segments))) return { kind: 'read', path };
  const workflow = segments?.[2] === 'workflows' ? decoded(segments[3] ?? '') : undefined;
  return { kind: 'change', path, ...(workflow !== undefined && { workflow }) };
}

/** Letters, digits and `-._~`: whoever writes them as an escape wants a call to read as another one in the journal. */
const needlessEscape = /%(2[DE]|3\d|4[1-9A-F]|5[\dAF]|6[1-9A-F]|7[\dAE])/i;

/** Also below a second encoding, which the UI uses for ids. */
export function isDisguised(path: string): boolean {
  return needlessEscape.test(path) || needlessEscape.test(decodedOnce(path) ?? '');
}

function segmentsOf(path: string): string[] {
  return path.split('/');
}

function fits(reading: readonly string[], segments: readonly string[]): boolean {
  return (
    reading.length === segments.length &&
    reading.every((word, index) => (word === '*' ? segments[index] !== '' : word === segments[index]))
  );
}

/** Dot segments, also encoded ones: the UI server may resolve them, and then it is another call. */
function climbs(path: string): boolean {
  const plain = decoded(path);
  return plain === undefined || /(^|[/\\])\.{1,2}([/\\]|$)/.test(plain);
}

/** The UI encodes ids once or twice. Undefined where something is wrongly encoded. */
function decoded(text: string): string | undefined {
  const once = decodedOnce(text);
  return once?.includes('%') ? (decodedOnce(once) ?? once) : once;
}

function decodedOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
