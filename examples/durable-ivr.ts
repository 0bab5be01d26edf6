/**
 * A reservation by telephone that outlives the server: after a crash or a restart the caller hears the prompt again
 * that it was at, not the welcome, and what a step has done is not done a second time.
 *
 *   SERVICE=http://127.0.0.1:8000 npx tandem serve examples/durable-ivr.ts --listen udp:127.0.0.1:5060
 */
import type { DialogServerSession, DialogSession } from 'tandem';

const service = process.env.SERVICE ?? 'http://127.0.0.1:8000';

const prompt = (name: string): URL => new URL(`../prompts/${name}.wav`, import.meta.url);

export default {
  async call(call: DialogServerSession): Promise<void> {
    await call.answer();
    await reserve(call);
  },
  resume: reserve, // the same from its beginning: steps that are finished are skipped
};

async function reserve(call: DialogSession): Promise<void> {
  await call.step('welcome', () => call.playback().play(prompt('welcome')));
  const number = await call.step('number', () => ask(call, 'record'));
  const held = await call.step('hold', ({ idempotencyKey }) => post('/hold', { number }, idempotencyKey));
  const answer = await call.step('confirm', () => ask(call, 'message'));
  if (answer === '1') await call.step('book', ({ idempotencyKey }) => post('/book', { held }, idempotencyKey));
  await call.playback().play(prompt('goodbye'));
}

/** Plays a prompt until there is an answer to it, ended by #. */
async function ask(call: DialogSession, question: string): Promise<string> {
  for (;;) {
    const { digits } = await call.gather({ play: prompt(question) });
    if (digits) return digits;
  }
}

/** Who gets the same key twice, because nobody heard the first answer, does it once. */
async function post(path: string, order: unknown, idempotencyKey: string): Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
  const response = await fetch(service + path, { method: 'POST', headers, body: JSON.stringify(order) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.text();
}
