import { once } from 'node:events';
import { appendFileSync, readFileSync, renameSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { nodeClock, nodeFetch } from '../../src/base/node.ts';
import { nodeLineFile } from '../../src/base/node-line-file.ts';
import type { Cdr } from '../../src/cdr/cdr.ts';
import { FileSink } from '../../src/cdr/file-sink.ts';
import { type CdrSink, mostWaiting, Outbox } from '../../src/cdr/outbox.ts';
import { webhookSink } from '../../src/cdr/sinks.ts';
import { ConfigError } from '../../src/index.ts';
import { FakeClock } from '../../src/testing/index.ts';
import { TemporaryFolder } from '../helpers/cli.ts';

const cdrOf = (id: string): Cdr => ({
  ...{ id, hEntry: 1, hId: 2, fromUri: 'sip:a@x', toUri: 'sip:b@x', requestUri: 'sip:b@x' },
  ...{ beganAt: 1, answeredAt: 2, endedAt: 4, duration: 2, cause: { by: 'remote' }, endedBy: 'caller' },
  ...{ legs: [], recordings: [], gaps: [], variables: { note: 'two\nlines' } },
});
const logger = createLogger('silent');
const idsIn = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).id);

describe('a file of records', () => {
  it('gets a line for each, and only its owner may read it', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('cdrs.jsonl');
    const sink = new FileSink(nodeLineFile(path));
    await Promise.all(['a', 'b', 'c'].map((id) => sink.send(cdrOf(id))));
    expect(idsIn(path)).toEqual(['a', 'b', 'c']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('may be moved away at any time', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('cdrs.jsonl');
    const sink = new FileSink(nodeLineFile(path));
    await sink.send(cdrOf('a'));
    renameSync(path, `${path}.1`);
    await sink.send(cdrOf('b'));
    expect([idsIn(`${path}.1`), idsIn(path)]).toEqual([['a'], ['b']]);
  });

  it('has a record once that an earlier process wrote, and ends a line that it left cut off', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('cdrs.jsonl');
    await new FileSink(nodeLineFile(path)).send(cdrOf('a'));
    appendFileSync(path, JSON.stringify(cdrOf('b')).slice(0, 40));
    const next = new FileSink(nodeLineFile(path));
    await next.send(cdrOf('a'));
    await next.send(cdrOf('b'));
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => line.length > 40 && JSON.parse(line).id)).toEqual(['a', false, 'b']);
  });

  it('has its folder made', async () => {
    using folder = new TemporaryFolder();
    const path = folder.file('a/new/folder/cdrs.jsonl');
    await new FileSink(nodeLineFile(path)).send(cdrOf('a'));
    expect(idsIn(path)).toEqual(['a']);
  });
});

describe('a webhook of records', () => {
  it.each([
    [{ url: 'ftp://x', secret: 's' }, 'is no http(s) URL'],
    [{ url: 'http://x', secret: '' }, 'needs a secret'],
  ])('refuses %o', (options, message) => {
    expect(() => webhookSink(options, nodeClock, nodeFetch)).toThrow(ConfigError);
    expect(() => webhookSink(options, nodeClock, nodeFetch)).toThrow(message);
  });

  it('gets each at least once, under its own id, when the receiver is killed and comes back', async () => {
    const got = new Map<string, number>();
    let answered = 0;
    const receiver = async (port: number): Promise<Server> => {
      const server = createServer((request, response) => {
        const id = String(request.headers['webhook-id']);
        request.resume().on('end', () => {
          got.set(id, (got.get(id) ?? 0) + 1);
          // It dies before it says that it has it.
          if (++answered === 7) {
            server.closeAllConnections();
            server.close();
          } else response.end();
        });
      });
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return server;
    };
    const first = await receiver(0);
    const { port } = first.address() as AddressInfo;
    const hook = { url: `http://127.0.0.1:${port}/cdr`, secret: 'shared' };
    const clock = new FakeClock();
    const ids = Array.from({ length: 30 }, (_, index) => `call-${index}`);
    const done = new Set<string>();
    const all = Promise.withResolvers<void>();
    const outbox = new Outbox(webhookSink(hook, clock, nodeFetch), {
      clock,
      logger,
    });
    for (const id of ids)
      outbox.add(cdrOf(id), (isTaken) => {
        expect(isTaken).toBe(true);
        done.add(id);
        if (done.size === ids.length) all.resolve();
      });
    await once(first, 'close');
    await expect.poll(() => outbox.report.problem).toContain(`127.0.0.1:${port}`);
    const second = await receiver(port);
    await expect.poll(() => clock.advance(1_000).then(() => done.size)).toBe(ids.length);
    await all.promise;
    expect([...got.keys()].sort()).toEqual(ids.toSorted());
    expect(outbox.report).toMatchObject({ waiting: 0, sent: 30, dropped: 0, problem: undefined });
    await outbox.close();
    second.closeAllConnections();
    second.close();
  });
});

describe('records that wait', () => {
  it('are bounded: the oldest goes', () => {
    const outbox = new Outbox({ name: 'never', send: () => new Promise(() => {}) }, { clock: new FakeClock(), logger });
    const dropped: string[] = [];
    for (let index = 0; index < mostWaiting + 3; index++)
      outbox.add(cdrOf(String(index)), (isTaken) => isTaken || dropped.push(String(index)));
    // The first is under way.
    expect(dropped).toEqual(['1', '2']);
    expect(outbox.report).toMatchObject({ waiting: mostWaiting + 1, dropped: 2 });
  });

  it('are tried again ever less often, and one that is never taken is in nobody’s way', async () => {
    const at: number[] = [];
    const clock = new FakeClock();
    const sink: CdrSink = {
      name: 'picky',
      async send({ id }) {
        if (id !== 'bad') return;
        at.push(clock.now());
        throw new Error('bad');
      },
    };
    const outbox = new Outbox(sink, { clock, logger });
    const taken: string[] = [];
    for (const id of ['bad', 'good']) outbox.add(cdrOf(id), () => taken.push(id));
    await clock.advance(1_000);
    expect(taken).toEqual(['good']);
    await clock.advance(200_000);
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
    expect(waits.at(-1)).toBe(60_000);
    expect(outbox.report).toMatchObject({ waiting: 1, sent: 1, problem: 'bad' });
    await outbox.close();
  });
});
