/** `temporal-dev.yml` is a valid Compose file, and what the launcher reads from it is what it runs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { composePath, flagOf, localCommand, parseCompose } from '../../../workers/dev/compose.js';

const text = readFileSync(composePath, 'utf8');
const services = parseCompose(text);
const schema = new URL('../../support/compose-spec/compose-spec.json', import.meta.url);

describe('temporal-dev.yml', () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  addFormats.default(ajv);
  const isCompose = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')));

  it('is a valid Compose file', () => {
    assert.ok(isCompose(parse(text)), JSON.stringify(isCompose.errors, null, 2));
  });

  it('would be found out if it were not one', () => {
    assert.ok(!isCompose({ services: { redis: { image: 'redis', port: ['6379'] } } }));
    assert.ok(!isCompose({ services: { redis: { image: 7 } } }));
  });

  it('publishes every port on loopback only', () => {
    const { services: all } = parse(text) as { services: Record<string, { ports?: string[] }> };
    const ports = Object.values(all).flatMap((service) => service.ports ?? []);
    assert.equal(ports.length, 4);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:(\d+):\1$/);
  });

  it('lets the one shard that it has look for tasks and timers as often as there are some', () => {
    for (const queue of ['transfer', 'timer']) {
      const limit = `--dynamic-config-value=history.${queue}ProcessorMaxPollRPS=`;
      const [found] = services.temporal.command.filter((argument) => argument.startsWith(limit));
      assert.ok(Number(found?.slice(limit.length)) >= 1_000, found);
    }
  });

  it('lets it forget at once what it has done', () => {
    for (const queue of ['transfer', 'timer', 'visibility']) {
      const setting = `--dynamic-config-value=history.${queue}ProcessorUpdateAckInterval="1s"`;
      assert.ok(services.temporal.command.includes(setting), setting);
    }
  });

  it('keeps it from reading for each row of a list which search attributes there are', () => {
    const setting = '--dynamic-config-value=system.forceSearchAttributesCacheRefreshOnRead=false';
    assert.ok(services.temporal.command.includes(setting));
  });

  it('registers every search attribute of a grant', () => {
    const registered = services.temporal.command
      .filter((argument) => argument.startsWith('--search-attribute='))
      .map((argument) => argument.slice('--search-attribute='.length));
    assert.deepEqual(registered.sort(), [
      'Approvers=KeywordList',
      'ChangedAt=Datetime',
      'Emergency=Bool',
      'Entitlement=Keyword',
      'ExpireTime=Datetime',
      'GrantState=Keyword',
      'Incident=Keyword',
      'Requester=Keyword',
      'RevocationOverdue=Bool',
      'RiskScore=Int',
      'Subject=Keyword',
      'Target=Keyword',
    ]);
  });

  it('bounds floods, lets tests skip time, and keeps histories for 90 days', () => {
    for (const setting of [
      '--dynamic-config-value=frontend.WorkflowTimeSkippingEnabled=true',
      '--dynamic-config-value=history.MaxBufferedQueryCount=100',
      '--dynamic-config-value=limit.blobSize.error=65536',
      '--dynamic-config-value=history.maximumSignalsPerExecution=500',
      '--ui-disable-news-fetch',
    ]) {
      assert.ok(services.temporal.command.includes(setting), setting);
    }
    assert.equal(flagOf(services['temporal-namespace'], '--retention'), '90d');
    assert.equal(flagOf(services['temporal-namespace'], '--namespace'), flagOf(services.temporal, '--namespace'));
  });

  it('runs locally on loopback, with local ports and paths in place of those in a container', () => {
    const ports = new Map([
      [7233, 1],
      [8233, 2],
      [7379, 3],
      [7432, 4],
    ]);
    const command = (name: keyof typeof services): string[] => localCommand(services[name], { state: '/state', ports });
    const temporal = command('temporal');
    for (const argument of ['--ip=127.0.0.1', '--port=1', '--ui-port=2', '--db-filename=/state/temporal.db']) {
      assert.ok(temporal.includes(argument), argument);
    }
    assert.ok(command('temporal-namespace').includes('--address=127.0.0.1:1'));
    assert.deepEqual(command('redis').slice(1, 4), ['--bind=127.0.0.1', '--port=3', '--dir=/state']);
    assert.ok(command('postgres').includes('port=4') && command('postgres').includes('listen_addresses=127.0.0.1'));
    for (const name of ['temporal', 'redis', 'postgres'] as const) {
      assert.doesNotMatch(command(name).join(' '), /0\.0\.0\.0|=\*|\/home|\/data|\{/);
    }
  });

  it('is refused with the file and the field when it lacks what the launcher needs', () => {
    const without = text.replace('program: redis-server', 'programme: redis-server');
    assert.throws(
      () => parseCompose(without, 'x.yml'),
      /^Error: x\.yml cannot be used: services\.redis\.x-local\.program: /,
    );
  });
});
