/** `examples/durable-ivr.ts`, killed at each of its steps: nothing is asked or done twice that was finished. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RawPhone } from '../../helpers/raw-phone.ts';
import { DurableServer } from '../support/durable.ts';
import { expectNoPrograms } from '../support/process.ts';
import { prompt, ulawFrames } from '../support/sound.ts';

const isLong = process.env.TANDEM_TEST_LONG === '1';
const prompts = ['welcome', 'record', 'message', 'goodbye'] as const;
type PromptName = (typeof prompts)[number];

/** Does what it is asked to once for each key, and notes how often it was asked. */
class Service {
  /** By key. */
  readonly asked = new Map<string, string[]>();
  /** What was done. */
  readonly effects: string[] = [];
  onRequest: (path: string) => void = () => {};
  /** ms until it answers. */
  patience = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const key = String(request.headers['idempotency-key']);
      const order = `${request.url} ${Buffer.concat(chunks)}`;
      if (!this.asked.has(key)) this.effects.push(order);
      this.asked.set(key, [...(this.asked.get(key) ?? []), order]);
      this.onRequest(request.url ?? '');
      await delay(this.patience);
      response.end(request.url === '/hold' ? 'held-1' : 'booked');
    });
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Which of the frames of 20 ms of a prompt is listened for. */
const markAt = 20;
const marks = new Map<PromptName, Uint8Array>();

/** The prompt of which a payload is that frame, but for rounding. */
function promptIn(payload: Uint8Array): PromptName | undefined {
  const isAlike = (mark: Uint8Array): boolean => mark.filter((byte, at) => byte === payload[at]).length > 100;
  return prompts.find((name) => isAlike(marks.get(name) ?? new Uint8Array()));
}

/** Presses what it is asked for, each time it is asked. */
class Caller {
  /** Prompts as they began. */
  readonly heard: PromptName[] = [];
  onPrompt: (name: PromptName) => void = () => {};
  readonly #phone: RawPhone;
  #seen = 0;

  constructor(phone: RawPhone) {
    this.#phone = phone;
  }

  /** Until the server hangs up. */
  async listen(): Promise<void> {
    const until = performance.now() + 60_000;
    while (!this.#phone.received.some(({ method }) => method === 'BYE')) {
      if (performance.now() > until) throw new Error(`the call does not end; heard: ${this.heard}`);
      for (; this.#seen < this.#phone.packets.length; this.#seen++) {
        const name = promptIn(this.#phone.packets[this.#seen]?.payload ?? new Uint8Array());
        if (name) void this.#hears(name);
      }
      await delay(5);
    }
  }

  async #hears(name: PromptName): Promise<void> {
    this.heard.push(name);
    this.onPrompt(name);
    await delay(100);
    if (name === 'record') for (const key of '42#') await this.#press(key);
    if (name === 'message') for (const key of '1#') await this.#press(key);
  }

  async #press(key: string): Promise<void> {
    await this.#phone.press(key);
    await delay(60);
  }
}

let service: Service;
let phone: RawPhone;
let server: DurableServer;

beforeEach(async () => {
  service = new Service();
  phone = await RawPhone.open();
  for (const name of prompts) {
    const mark = ulawFrames(await prompt(name))[markAt];
    if (mark) marks.set(name, mark);
  }
  server = await DurableServer.start('examples/durable-ivr.ts', { env: { SERVICE: await service.open() } });
});

afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  phone.close();
  service.close();
  await expectNoPrograms();
});

/** Runs a call to its end. @param kills at which moments, each once */
async function goesThrough(watch: (caller: Caller, kill: () => void) => void): Promise<Caller> {
  const caller = new Caller(phone);
  let killing: Promise<void> | undefined;
  watch(caller, () => {
    killing ??= server.kill().then(() => server.again());
  });
  expect((await phone.call(server.port)).status).toBe(200);
  await caller.listen();
  expect(killing).toBeDefined();
  await killing;
  expect(service.effects).toEqual(['/hold {"number":"42"}', '/book {"held":"held-1"}']);
  for (const orders of service.asked.values()) expect(new Set(orders).size).toBe(1);
  // Each in its turn, some of them again.
  expect(caller.heard.filter((name, index) => name !== caller.heard[index - 1])).toEqual(prompts);
  await expect.poll(async () => (await server.check()).calls).toBe(0);
  return caller;
}

describe('examples/durable-ivr.ts goes on where it was', () => {
  it.runIf(isLong).each(prompts.slice(0, 3))('killed in the prompt %s', async (name) => {
    const caller = await goesThrough((who, kill) => {
      who.onPrompt = (heard) => {
        if (heard === name) kill();
      };
    });
    for (const one of prompts) expect(caller.heard.filter((heard) => heard === one).length).toBe(one === name ? 2 : 1);
  });

  it.each(isLong ? ['/hold', '/book'] : ['/book'])('killed while it waits for the answer of %s', async (path) => {
    await goesThrough((_, kill) => {
      service.patience = 300;
      service.onRequest = (asked) => {
        if (asked === path) kill();
      };
    });
    expect([...service.asked.values()].map((orders) => orders.length).sort()).toEqual([1, 2]);
  });

  it.runIf(isLong).each(Array.from({ length: 40 }, (_, turn) => turn))('killed at random, %i', async () => {
    const after = 500 + Math.random() * 11_500;
    console.log(`killed after ${Math.round(after)} ms`);
    await goesThrough((_, kill) => void setTimeout(kill, after));
  });
});
