/** baresip, a phone by others, calls the softphone page of a real browser by way of the server, and is called by it. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { heardInPieces, wellHeard } from '../../helpers/pieces.ts';
import { Baresip } from '../support/baresip.ts';
import { launchBrowser } from '../support/browser.ts';
import { PhonePage } from '../support/phone-page.ts';
import { type PhoneServer, passwords, startPhoneServer } from '../support/phone-server.ts';
import { leftovers, root } from '../support/process.ts';
import { prompt } from '../support/sound.ts';

let server: PhoneServer;
let browser: Browser;

beforeAll(async () => {
  server = await startPhoneServer({ forAll: true });
  browser = await launchBrowser({ says: `${root}/prompts/message.wav` });
});

afterAll(async () => {
  await browser.close();
  await server.tandem.stop();
  await server[Symbol.asyncDispose]();
  expect(leftovers()).toEqual([]);
});

afterEach(() => server.tandem.expectIdle());

/** Resolves when it is registered too. */
async function baresip(): Promise<Baresip> {
  const account = { user: '5003', password: passwords[5003], port: server.tandem.port };
  const before = (await server.tandem.check()).bindings;
  const phone = await Baresip.start({ says: 'music', account });
  await expect.poll(async () => (await server.tandem.check()).bindings, { timeout: 15_000 }).toBe(before + 1);
  return phone;
}

describe('baresip and the page', () => {
  it('hear each other when baresip calls, and the page hangs up', async () => {
    await using page = await PhonePage.registered(browser, server.url, '5001', passwords[5001]);
    await page.plainSound();
    await using phone = await baresip();
    phone.dial(`sip:5001@127.0.0.1:${server.tandem.port}`);
    await page.call('5003').press('Answer');
    await phone.event('CALL_ESTABLISHED');
    await page.soonHears('music');
    await phone.heardFor(4000);
    await page.call('5003').press('Hang up');
    await phone.event('CALL_CLOSED');
    await saidByPage(phone);
  });

  it('hear each other when the page calls, and baresip holds, goes on and hangs up', async () => {
    await using page = await PhonePage.registered(browser, server.url, '5002', passwords[5002]);
    await page.plainSound();
    await using phone = await baresip();
    await page.dial('5003');
    const call = page.call('5003');
    await call.connected();
    await page.soonHears('music');
    phone.hold();
    await page.soonHearsNothing();
    phone.resume();
    await page.soonHears('music');
    phone.hangup();
    await call.gone();
    await saidByPage(phone);
  });
});

/** The middle of what baresip wrote down is a piece of what the microphone says again and again. */
async function saidByPage(phone: Baresip): Promise<void> {
  const [heard, said] = [await phone.heard(), await prompt('message')];
  const rounds = Int16Array.from({ length: said.length + 8000 }, (_, i) => said[i % said.length] ?? 0);
  expect(heardInPieces(rounds, heard.subarray(8000, 32_000))).toBeGreaterThan(wellHeard);
}
