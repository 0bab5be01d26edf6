/** examples/remote/ivr.py, a controller in another language, between two sipp. */
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Flow, goes } from '../support/flow.ts';
import { freePort } from '../support/ports.ts';
import { expectNoPrograms, Program, root } from '../support/process.ts';
import { Script } from '../support/script.ts';

afterEach(expectNoPrograms);

const presses = (key: string): Script =>
  new Script(`presses ${key}`)
    .asks('INVITE', { sdp: {} })
    .hears(200)
    .asks('INFO', { headers: ['Content-Type: application/dtmf-relay'], body: [`Signal=${key}`, 'Duration=160'] })
    .hears(200)
    .isAsked('BYE')
    .says('200 OK');

/** @returns what the controller printed */
async function withController(flow: Flow): Promise<string> {
  const port = await freePort();
  await using stack = new AsyncDisposableStack();
  let controller: Program | undefined;
  await goes({
    ...flow,
    http: `127.0.0.1:${port}`,
    user: '700',
    config: () => ({ remote: { park: ['700'] } }),
    ready: async (_, targets) => {
      const env = { ...targets, TANDEM_URL: `http://127.0.0.1:${port}`, PROMPT: 'prompts/welcome.wav' };
      const started = stack.use(new Program('python3', [join(root, 'examples', 'remote', 'ivr.py')], { env }));
      controller = started;
      await started.until('it follows the events', () => started.stdout.includes('follows the events'));
    },
    until: async () => controller?.kill(),
  });
  return controller?.stdout ?? '';
}

it('1: the caller is put through, and both end together', async () => {
  const agent = new Script('answers')
    .isAsked('INVITE')
    .says('180 Ringing')
    .says('200 OK', { sdp: {} })
    .isAsked('ACK')
    .waits(500)
    .asks('BYE')
    .hears(200);
  expect(await withController({ callers: [presses('1')], callees: [agent] })).toMatch(/ pressed 1\n$/);
});

it('another key: the call is hung up', async () => {
  expect(await withController({ callers: [presses('5')] })).toMatch(/ pressed 5\n$/);
});
