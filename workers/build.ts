/**
 * A build of the decisions workers that has a name gets work once operators make it the current one, and not before. Until then
 * it is not ready, says what to do, and keeps nothing in the current one's place.
 */
import { isGrpcServiceError, type Client } from '@temporalio/client';
import type { WorkerDeploymentOptions } from '@temporalio/worker';
import proto from '@temporalio/proto';
import { pause, type Life } from './run.js';

type Build = WorkerDeploymentOptions['version'];
type Standing = 'current' | 'gets work' | 'gets none';

const everyMs = 3_000;
/** Also the longest that the end of the process waits for this. */
const answerMs = 5_000;
/** Workflows that it had are still running. */
const { VERSION_DRAINAGE_STATUS_DRAINING } = proto.temporal.api.enums.v1.VersionDrainageStatus;
/** `NOT_FOUND` of gRPC: no worker of the deployment has polled yet. */
const notFound = 5;

export function buildOf(buildId: string | undefined): Build | undefined {
  return buildId === undefined ? undefined : { deploymentName: 'daypass-decisions', buildId };
}

/**
 * Does `work` while this build is the current one, and aborts it when another becomes current; without a name, all the time. One
 * that ramps up or drains serves what it is given, and does not do this work. While Temporal is away nothing changes.
 */
export async function whileCurrent(
  life: Life,
  client: Client,
  build: Build | undefined,
  work: (stop: AbortSignal) => Promise<unknown>,
): Promise<void> {
  if (build === undefined) return void (await work(life.stop));
  const { deploymentName, buildId } = build;
  const idle = `build ${buildId} is not the current one; temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId} --yes`;
  // Nobody calls it ready before Temporal has said so.
  life.waitsFor.add(`what Temporal says of build ${buildId}`);
  let last: Standing | undefined;
  let turn: { end: AbortController; done: Promise<unknown> } | undefined;
  while (!life.stop.aborted) {
    const standing = await client.withAbortSignal(life.stop, () => standingOf(client, build)).catch(() => last);
    if (standing !== last) {
      life.log.info({ build: buildId, standing }, standing === 'gets none' ? idle : 'the standing of this build');
      life.waitsFor.delete(`what Temporal says of build ${buildId}`);
      if (standing === 'gets none') life.waitsFor.add(idle);
      else life.waitsFor.delete(idle);
      if (standing === 'current') {
        const end = new AbortController();
        turn = { end, done: work(end.signal) };
      } else {
        turn?.end.abort();
        await turn?.done;
        turn = undefined;
      }
      last = standing;
    }
    // It has no end of its own; a failure of it ends the process.
    await Promise.race([pause(everyMs, life.stop), ...(turn ? [turn.done] : [])]);
  }
  turn?.end.abort();
  await turn?.done;
}

async function standingOf(client: Client, { deploymentName, buildId }: Build): Promise<Standing> {
  const { namespace } = client.options;
  try {
    const { workerDeploymentInfo } = await client.withDeadline(Date.now() + answerMs, () =>
      client.workflowService.describeWorkerDeployment({ namespace, deploymentName }),
    );
    const { routingConfig, versionSummaries } = workerDeploymentInfo ?? {};
    if (routingConfig?.currentDeploymentVersion?.buildId === buildId) return 'current';
    if (routingConfig?.rampingDeploymentVersion?.buildId === buildId) return 'gets work';
    const own = versionSummaries?.find(({ deploymentVersion }) => deploymentVersion?.buildId === buildId);
    return own?.drainageInfo?.status === VERSION_DRAINAGE_STATUS_DRAINING ? 'gets work' : 'gets none';
  } catch (error) {
    if (isGrpcServiceError(error) && Number(error.code) === notFound) return 'gets none';
    throw error;
  }
}
