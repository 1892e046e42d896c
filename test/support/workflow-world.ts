/** Workflow tests on the real server: the real bundle and codec, a scripted outside world, and native time skipping. */
import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { KeyRing } from '../../activities/platform/keys.js';
import { dataConverter } from '../../activities/platform/temporal.js';
import type { RequestStatement } from '../../workflows/domain/evidence.js';
import type { Request } from '../../workflows/domain/request.js';
import {
  changeQueue,
  decisionsQueue,
  grantIdFrom,
  grantIdOf,
  grantWorkflowId,
  undoQueue,
} from '../../workflows/ids.js';
import { workflowBundle } from './bundle.js';
import { Replayer } from './replayer.js';
import { hour, Script, type Activities } from './script.js';
import { temporal } from './services.js';
import { testApi, type TestApi } from './statements.js';
import { TestGrant } from './test-grant.js';
import { until } from './until.js';
import { patience } from '../../workers/bundle.js';

const target = 'orders-db';

/** One worker for all grants of a suite; each grant has a script of its own. */
export class WorkflowWorld {
  readonly client: Client;
  readonly namespace: string;
  readonly keys: KeyRing;
  /** Signs what grants rest on. */
  readonly api: TestApi;
  /** Holds what grants did against the same bundle once more. */
  readonly replayer: Replayer;
  private readonly scripts = new Map<string, Script>();
  private readonly native: NativeConnection;
  private readonly workers = new Map<string, { worker: Worker; ran: Promise<void> }>();

  private constructor(client: Client, native: NativeConnection, keys: KeyRing, api: TestApi, replayer: Replayer) {
    this.client = client;
    this.api = api;
    this.namespace = client.options.namespace;
    this.native = native;
    this.keys = keys;
    this.replayer = replayer;
  }

  static async start(keys: KeyRing = { current: 'test', keys: { test: randomBytes(32) } }): Promise<WorkflowWorld> {
    const { address, namespace } = await temporal();
    const connection = await Connection.connect({ address });
    const client = new Client({ connection, namespace, dataConverter: dataConverter(keys, 'throw') });
    const native = await NativeConnection.connect({ address });
    const replayer = new Replayer({ workflowBundle: await workflowBundle(), dataConverter: dataConverter(keys) });
    const world = new WorkflowWorld(client, native, keys, await testApi(), replayer);
    const { ceiling, provision, setEnd, renew, remove } = world.activities();
    await world.startDecisions();
    await world.work(changeQueue(target), { activities: { ceiling, provision, setEnd, renew } });
    await world.work(undoQueue(target), { activities: { remove } });
    return world;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.workers.keys()].map((taskQueue) => this.rest(taskQueue)));
    await this.replayer.close();
    await this.native.close();
    await this.client.connection.close();
  }

  /** The worker that runs the grants, with nothing in its cache. */
  async startDecisions(): Promise<void> {
    const { assess, openStep, judge, stillEligible, tell, publish } = this.activities();
    await this.work(decisionsQueue, {
      workflowBundle: await workflowBundle(),
      activities: { assess, openStep, judge, stillEligible, tell, publish },
      stickyQueueScheduleToStartTimeout: '2s',
    });
  }

  stopDecisions(): Promise<void> {
    return this.rest(decisionsQueue);
  }

  private async work(taskQueue: string, options: Partial<WorkerOptions>): Promise<void> {
    const worker = await Worker.create({
      connection: this.native,
      namespace: this.namespace,
      dataConverter: dataConverter(this.keys),
      shutdownGraceTime: '1s',
      shutdownForceTime: '3s',
      taskQueue,
      ...patience,
      ...options,
    });
    this.workers.set(taskQueue, { worker, ran: worker.run() });
  }

  private async rest(taskQueue: string): Promise<void> {
    const working = this.workers.get(taskQueue);
    this.workers.delete(taskQueue);
    working?.worker.shutdown();
    await working?.ran;
  }

  /** Starts a grant as the API does, and waits for nothing. */
  async grant(script: Script, more: Partial<Request> = {}, terms: Partial<RequestStatement> = {}): Promise<TestGrant> {
    const grantId = grantIdFrom(randomBytes(17));
    const request: Request = {
      grantId,
      requester: 'person:engineer',
      subject: 'person:engineer',
      requesterName: 'Engineer',
      subjectName: 'Engineer',
      entitlement: 'orders-db/read',
      target,
      justification: 'Look into a late order.',
      requestedDurationMs: hour,
      requestTime: Date.now(),
      ...more,
    };
    this.scripts.set(grantId, script);
    // As long as the API signs for: a flow may take two weeks.
    const activateBy = (request.scheduledActivationTime ?? request.requestTime) + 15 * 24 * hour;
    const endBy = activateBy + request.requestedDurationMs;
    const { evidence } = await this.api.request(request, { activateBy, endBy, ...terms });
    await this.client.workflow.start('grant', {
      workflowId: grantWorkflowId(grantId),
      taskQueue: decisionsQueue,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      args: [{ request, evidence }],
      memo: { request },
    });
    // Of the newest run, also after a reset.
    const handle = this.client.workflow.getHandle(grantWorkflowId(grantId));
    return new TestGrant(this, handle, script, request);
  }

  /** A grant whose approvers are asked. */
  async awaited(
    script = new Script(),
    more: Partial<Request> = {},
    terms: Partial<RequestStatement> = {},
  ): Promise<TestGrant> {
    const it = await this.grant(script, more, terms);
    await until(async () => (await it.view())?.step?.asked.length);
    return it;
  }

  /** A grant that is in use, approved by the manager. */
  async active(script = new Script()): Promise<TestGrant> {
    const it = await this.awaited(script);
    await it.approve({ by: 'person:manager' });
    await it.shows({ state: 'ACTIVE' });
    return it;
  }

  /** Activities that find the grant's script by the id in their input. */
  private activities(): Activities {
    const by = <Name extends keyof Activities>(name: Name, idOf: (input: Parameters<Activities[Name]>[0]) => string) =>
      ((input: Parameters<Activities[Name]>[0]) => this.scriptOf(idOf(input)).call(name, input)) as Activities[Name];
    return {
      assess: by('assess', ({ request }) => request.grantId),
      openStep: by('openStep', ({ request }) => request.grantId),
      stillEligible: by('stillEligible', ({ request }) => request.grantId),
      judge: by('judge', ({ grantId }) => grantId),
      // The ceiling is asked about an entitlement, not about a grant: tests name it after the grant when they need to.
      ceiling: async (input) => (this.ceilings.get(input.entitlement) ?? defaultCeiling)(input),
      provision: by('provision', ({ grantId }) => grantId),
      setEnd: by('setEnd', ({ grantId }) => grantId),
      renew: by('renew', ({ grantId }) => grantId),
      remove: by('remove', ({ grantId }) => grantId),
      tell: by('tell', ({ view }) => view.grantId),
      publish: by('publish', ({ records: [first] }) => grantIdOf(first?.chain ?? '') ?? ''),
    };
  }

  private scriptOf(grantId: string): Script {
    const script = this.scripts.get(grantId);
    if (!script) throw new Error(`no script for grant ${grantId}`);
    return script;
  }

  /** What the ceiling answers for an entitlement; allowed and automatic unless told otherwise. */
  readonly ceilings = new Map<string, Activities['ceiling']>();
}

const defaultCeiling: Activities['ceiling'] = async () => ({
  allows: true,
  automatic: true,
  leastApprovals: 0,
  attested: false,
});
