/** One grant under test: what people and time do to it, and what it shows. */
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { createCodec } from '../../activities/platform/codec.js';
import type { AuditRecord } from '../../workflows/domain/record.js';
import type { Request } from '../../workflows/domain/request.js';
import type { Ms } from '../../workflows/domain/time.js';
import type { GrantView, Outcome } from '../../workflows/domain/view.js';
import * as messages from '../../workflows/messages.js';
import type { Script, ScriptedEvidence } from './script.js';
import { until } from './until.js';
import type { WorkflowWorld } from './workflow-world.js';

export class TestGrant {
  readonly handle: WorkflowHandle;
  readonly script: Script;
  readonly request: Request;
  private readonly world: WorkflowWorld;

  constructor(world: WorkflowWorld, handle: WorkflowHandle, script: Script, request: Request) {
    this.world = world;
    this.handle = handle;
    this.script = script;
    this.request = request;
  }

  async view(): Promise<GrantView | undefined> {
    const { memo } = await this.handle.describe();
    return memo?.view as GrantView | undefined;
  }

  /** Waits until the memo shows all of `wanted`. */
  async shows(wanted: Partial<GrantView>, withinMs = 10_000): Promise<GrantView> {
    const what = `grant ${this.request.grantId} showing ${JSON.stringify(wanted)}`;
    return until(
      async () => {
        const view = await this.view();
        const seen = view as unknown as Record<string, unknown> | undefined;
        const fits = Object.entries(wanted).every(
          ([key, value]) => JSON.stringify(seen?.[key]) === JSON.stringify(value),
        );
        if (view && fits) return view;
        throw new Error(
          `it shows ${view?.state} with ${JSON.stringify(view?.conditions)} after ${this.script.calls.join(' ')}`,
        );
      },
      { withinMs, what },
    );
  }

  async approve(evidence: ScriptedEvidence, decisionId = randomUUID()): Promise<Outcome> {
    const { by } = evidence;
    await this.handle.signal(messages.approve, { decisionId, by, comment: '', evidence: JSON.stringify(evidence) });
    return this.outcome(decisionId);
  }

  async extend(evidence: ScriptedEvidence, decisionId = randomUUID()): Promise<Outcome> {
    const { by } = evidence;
    await this.handle.signal(messages.extend, { decisionId, by, comment: 'more', evidence: JSON.stringify(evidence) });
    return this.outcome(decisionId);
  }

  async renew(evidence: ScriptedEvidence, decisionId = randomUUID()): Promise<Outcome> {
    const { by } = evidence;
    await this.handle.signal(messages.renew, { decisionId, by, comment: '', evidence: JSON.stringify(evidence) });
    return this.outcome(decisionId);
  }

  async review(evidence: ScriptedEvidence, decisionId = randomUUID()): Promise<Outcome> {
    const { by } = evidence;
    const comment = 'Looked at it.';
    await this.handle.signal(messages.review, { decisionId, by, comment, evidence: JSON.stringify(evidence) });
    return this.outcome(decisionId);
  }

  /** The sealed credential, as the subject gets it. */
  async collect(collectId = randomUUID()): Promise<string> {
    const args: [messages.Collect] = [{ collectId, by: this.request.subject }];
    return (await this.handle.executeUpdate(messages.collect, { updateId: collectId, args })).sealed;
  }

  async narrow(how: 'deny' | 'withdraw' | 'revoke', by: string, decisionId = randomUUID()): Promise<Outcome> {
    await this.handle.signal(messages[how], { decisionId, by, reason: 'a reason' });
    return this.outcome(decisionId);
  }

  async outcome(decisionId: string): Promise<Outcome> {
    const what = `an outcome of ${decisionId}`;
    return until(async () => (await this.handle.query(messages.outcome, decisionId)).outcome, { what });
  }

  /** The first page of it: all of an ordinary one. */
  record(): Promise<AuditRecord[]> {
    return this.handle.query(messages.record);
  }

  async wholeRecord(): Promise<AuditRecord[]> {
    const records = await this.record();
    for (let page = records; page.length > 0;) {
      page = await this.handle.query(messages.record, records.length);
      records.push(...page);
    }
    return records;
  }

  /** What the Temporal UI shows as current details. */
  async details(): Promise<string> {
    const { currentDetails } = await this.handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    return currentDetails ?? '';
  }

  /** The summaries beside activities and timers, opened. */
  async summaries(): Promise<string[]> {
    const { events } = await this.handle.fetchHistory();
    const sealed = (events ?? []).flatMap(({ userMetadata }) => (userMetadata?.summary ? [userMetadata.summary] : []));
    const context = { type: 'workflow', namespace: this.world.namespace, workflowId: this.handle.workflowId } as const;
    const opened = await createCodec(this.world.keys, 'throw').decode(sealed, context);
    return opened.map((payload) => String(defaultPayloadConverter.fromPayload(payload)));
  }

  /** Moves the clock of this grant alone, and waits until it is there. */
  async skip(duration: Ms): Promise<void> {
    const { workflowService } = this.world.client;
    const id = randomUUID();
    const execution = { workflowId: this.handle.workflowId };
    this.script.aheadMs += duration;
    await workflowService.updateWorkflowExecutionOptions({
      namespace: this.world.namespace,
      workflowExecution: execution,
      workflowExecutionOptions: {
        timeSkippingConfig: {
          enabled: true,
          fastForwardConfig: { id, duration: msToTs(duration) },
        },
      },
      updateMask: { paths: ['time_skipping_config'] },
    });
  }

  /** Starts the workflow anew from before its last signal, as `temporal workflow reset` does, and without that signal. */
  async resetBeforeLastSignal(): Promise<void> {
    const { events } = await this.handle.fetchHistory();
    const signalled = (events ?? []).findLastIndex((event) => event.workflowExecutionSignaledEventAttributes);
    const turn = (events ?? []).slice(0, signalled).findLast((event) => event.workflowTaskCompletedEventAttributes);
    await this.reset(turn?.eventId, 'without signals');
  }

  /** Starts the workflow anew from its first turn. */
  async resetToStart(signals: 'with signals' | 'without signals'): Promise<void> {
    const { events } = await this.handle.fetchHistory();
    const turn = events?.find((event) => event.workflowTaskCompletedEventAttributes);
    await this.reset(turn?.eventId, signals);
  }

  private async reset(
    workflowTaskFinishEventId: proto.temporal.api.history.v1.IHistoryEvent['eventId'],
    signals: 'with signals' | 'without signals',
  ): Promise<void> {
    const { runId } = await this.handle.describe();
    const { RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL: signal, RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST: cancel } =
      proto.temporal.api.enums.v1.ResetReapplyExcludeType;
    await this.world.client.workflowService.resetWorkflowExecution({
      namespace: this.world.namespace,
      workflowExecution: { workflowId: this.handle.workflowId, runId },
      workflowTaskFinishEventId,
      requestId: randomUUID(),
      reason: 'a test',
      resetReapplyExcludeTypes: signals === 'without signals' ? [signal, cancel] : [],
    });
  }

  /** The result, after replaying the history that it made against today's bundle. */
  async ends(withinMs = 20_000): Promise<GrantView> {
    const what = `the end of grant ${this.request.grantId}`;
    await until(async () => (await this.handle.describe()).status.name !== 'RUNNING', { withinMs, what });
    const view = (await this.handle.result()) as GrantView;
    await this.replays();
    return view;
  }

  /** The history so far replays: the same code makes the same decisions again. */
  async replays(): Promise<void> {
    const history = await this.handle.fetchHistory();
    await this.world.replayer.replay(history, this.handle.workflowId);
  }
}
