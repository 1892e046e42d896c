/** The API before real services, with every answer held to the document that it serves. */
import assert from 'node:assert/strict';
import { ApiWorld, type Answered, type CallOptions } from './api-world.js';
import { checkAgainst, type Check, type Document } from './documented.js';

interface ProblemSeen {
  detail: string;
  state?: string;
  errors?: { pointer?: string; parameter?: string }[];
}

/** Starts before the tests of the suite that calls it, and stops after them. */
export class DocumentedApi {
  private started: { world: ApiWorld; document: Document; check: Check } | undefined;

  constructor() {
    before(async () => {
      const world = await ApiWorld.start();
      const document = (await world.call(undefined, 'GET', '/openapi.json')).body as unknown as Document;
      this.started = { world, document, check: checkAgainst(document) };
    });
    after(() => this.started?.world.stop());
  }

  get world(): ApiWorld {
    return this.running.world;
  }

  get document(): Document {
    return this.running.document;
  }

  /** A call whose answer is held to the document. */
  call = async (
    account: string | undefined,
    method: string,
    path: string,
    options?: CallOptions,
  ): Promise<Answered> => {
    const answer = await this.world.call(account, method, path, options);
    this.running.check(method, path, answer);
    return answer;
  };

  refused = async (answer: Promise<Answered>, status: number, type: string): Promise<ProblemSeen> => {
    const { status: seen, body, type: kind, text } = await answer;
    assert.deepEqual({ status: seen, type: body['type'] }, { status, type }, text);
    assert.match(kind, /^application\/problem\+json/);
    assert.doesNotMatch(text, /node_modules|\.ts:|at .+\(/);
    return body as unknown as ProblemSeen;
  };

  private get running(): NonNullable<DocumentedApi['started']> {
    assert.ok(this.started, 'the API has not started');
    return this.started;
  }
}
