/** Where secrets are looked for in a history: in every payload and every text, in whatever kind of event. */
import assert from 'node:assert/strict';
import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { partsOf } from '../../support/invariants/at-temporal.js';

const { HistoryEvent } = proto.temporal.api.history.v1;
const payload = (value: string) => defaultPayloadConverter.toPayload(value);

describe('an event of a history', () => {
  const places: [what: string, event: object, found: 'payloads' | 'words'][] = [
    [
      'the input of an activity',
      { activityTaskScheduledEventAttributes: { input: { payloads: [payload('hidden')] } } },
      'payloads',
    ],
    [
      'what a failure was sealed with',
      { activityTaskFailedEventAttributes: { failure: { cause: { encodedAttributes: payload('hidden') } } } },
      'payloads',
    ],
    [
      'the words of a failure',
      { activityTaskFailedEventAttributes: { failure: { cause: { message: 'hidden' } } } },
      'words',
    ],
    [
      'an attribute to search by',
      {
        upsertWorkflowSearchAttributesEventAttributes: {
          searchAttributes: { indexedFields: { a: payload('hidden') } },
        },
      },
      'payloads',
    ],
    ['a summary', { userMetadata: { summary: payload('hidden') } }, 'payloads'],
    ['the name of a signal', { workflowExecutionSignaledEventAttributes: { signalName: 'hidden' } }, 'words'],
  ];
  for (const [what, event, found] of places) {
    it(`is read whole: ${what}`, () => {
      // As it comes over the wire.
      const raw = HistoryEvent.decode(HistoryEvent.encode(HistoryEvent.fromObject(event)).finish());
      const parts = partsOf(raw);
      const texts = [...parts.words, ...parts.payloads.map(({ data }) => Buffer.from(data ?? []).toString())];
      assert.equal(texts.filter((text) => text.includes('hidden')).length, 1);
      assert.ok(parts[found].length > 0);
    });
  }
});
