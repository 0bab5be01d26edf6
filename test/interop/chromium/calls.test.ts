/** Calls of the softphone page in a real browser, to the ready-made server and through it. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { correlateInPieces } from '../../helpers/audio.ts';
import { buildPages, launchBrowser } from '../support/browser.ts';
import { PhonePage } from '../support/phone-page.ts';
import { type PhoneServer, passwords, startPhoneServer } from '../support/phone-server.ts';
import { leftovers, root } from '../support/process.ts';
import { prompt } from '../support/sound.ts';

let server: PhoneServer;
let browser: Browser;

beforeAll(async () => {
  await buildPages();
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

async function phone(user: keyof typeof passwords): Promise<PhonePage> {
  const page = await PhonePage.registered(browser, server.url, String(user), passwords[user]);
  await page.plainSound();
  return page;
}

/** Half seconds of the beginning of a prompt. */
async function heardOf(page: PhonePage, name: string, seconds: number, index = 0): Promise<number> {
  const said = (await prompt(name)).subarray(0, seconds * 8000);
  return correlateInPieces(await page.heard(index), said);
}

describe('a call from the page', () => {
  it('to 1000 hears the prompt of the menu, which takes the digits of the keypad', async () => {
    await using page = await phone(5001);
    await page.dial('1000');
    const call = page.call('1000');
    await call.connected();
    await page.heardFor(4500);
    expect(await heardOf(page, 'welcome', 3)).toBeGreaterThan(0.9);
    await call.digits('1');
    await expect.poll(() => heardOf(page, 'message', 3), { timeout: 15_000, interval: 500 }).toBeGreaterThan(0.9);
    await call.digits('#');
    await call.gone();
    expect(page.complaints).toEqual([]);
  });

  it('to 600 hears itself; on hold it does not, resumed it does', async () => {
    await using page = await phone(5002);
    await page.dial('600');
    const call = page.call('600');
    await call.connected();
    await page.heardFor(10_500);
    expect(await heardOf(page, 'message', 4)).toBeGreaterThan(0.9);
    await call.press('Hold');
    await call.says('On hold');
    await call.press('Resume');
    await call.connected();
    await call.press('Hang up');
    await call.gone();
  });
});
