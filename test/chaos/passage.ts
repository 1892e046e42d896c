/** A passage does what a fault says, at the byte that it names: else a run would break nothing and prove nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { grpcMessages } from './support/grpc.js';
import { Passage } from './support/passage.js';
import { until } from '../support/until.js';

describe('a passage', () => {
  let server: Server;
  let passage: Passage;
  let inside: Socket;
  let arrived = '';
  let answered = '';

  beforeEach(async () => {
    arrived = answered = '';
    server = createServer((socket) => {
      socket.on('data', (bytes) => {
        arrived += bytes.toString();
        socket.write('heard');
      });
      socket.on('error', () => undefined);
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    passage = await Passage.open({ host: 'localhost', port: address.port });
    inside = connect(passage.port, 'localhost');
    inside.on('data', (bytes) => (answered += bytes.toString('latin1')));
    inside.on('error', () => undefined);
    await once(inside, 'connect');
  });
  afterEach(async () => {
    inside.destroy();
    await passage.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const says = async (text: string): Promise<void> => {
    inside.write(text);
    await until(() => arrived.endsWith(text), { what: `${text} arrives` });
  };

  it('springs a trap at the last of its marks, in their order, also where one is cut in two', async () => {
    const acts: string[] = [];
    const trap = passage.arm({ marks: ['CREATE', 'COMMIT'], last: 'passes', act: () => acts.push(arrived) });
    await says('COMMIT, then CRE');
    await says('ATE, then COM');
    assert.equal(trap.hasSprung(), false);
    await says('MIT');
    assert.equal(trap.hasSprung(), true);
    await says('CREATE COMMIT');
    assert.equal(acts.length, 1, 'once');
  });

  it('lets what a trap keeps never arrive, and what it leaves unanswered arrive without an answer', async () => {
    passage.arm({ marks: ['first'], last: 'passes-unanswered', act: () => undefined });
    await says('first');
    await says('more');
    assert.equal(answered, '');
    passage.arm({ marks: ['second'], last: 'is-kept', act: () => undefined });
    inside.write('second');
    const other = connect(passage.port, 'localhost');
    other.write('third');
    await until(() => arrived.endsWith('third'), { what: 'somebody else is heard' });
    assert.equal(arrived, 'firstmorethird');
    other.destroy();
  });

  it('holds everything in its order, and refuses everybody when it is shut', async () => {
    passage.mode = 'held';
    inside.write('one ');
    inside.write('two');
    const other = connect(passage.port, 'localhost');
    await once(other, 'connect');
    assert.equal(arrived, '');
    passage.mode = 'open';
    await until(() => arrived === 'one two', { what: 'both arrive' });
    passage.mode = 'shut';
    await Promise.all([once(inside, 'close'), once(other, 'close')]);
  });

  it('answers nonsense in the place of every answer', async () => {
    passage.mode = 'garbage';
    inside.write('question');
    await until(() => answered.length > 0, { what: 'an answer' });
    assert.notEqual(answered.slice(0, 5), 'heard');
  });
});

describe('the messages of a gRPC client', () => {
  const frame = (type: number, body: Buffer): Buffer => {
    const head = Buffer.alloc(9);
    head.writeUIntBE(body.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt32BE(1, 5);
    return Buffer.concat([head, body]);
  };
  const message = (text: string, packed: boolean): Buffer => {
    const body = packed ? gzipSync(text) : Buffer.from(text);
    const head = Buffer.alloc(5);
    head.writeUInt8(packed ? 1 : 0);
    head.writeUInt32BE(body.length, 1);
    return Buffer.concat([head, body]);
  };

  it('are read whole and unpacked, however they are cut', () => {
    const sent = message('packed text', true);
    const stream = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      frame(1, Buffer.from('header')),
      frame(0, sent.subarray(0, 7)),
      frame(0, Buffer.concat([sent.subarray(7), message('plain text', false)])),
    ]);
    for (const piece of [1, 5, stream.length]) {
      const read = grpcMessages();
      const found: string[] = [];
      for (let at = 0; at < stream.length; at += piece) {
        for (const each of read(stream.subarray(at, at + piece))) found.push(each.toString());
      }
      assert.deepEqual(found, ['packed text', 'plain text']);
    }
  });
});
