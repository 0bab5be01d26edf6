/** Calls of the softphone page that outlive their WebSocket, their network, and the server's process. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPages, launchBrowser } from '../support/browser.ts';
import { type Folder, temporaryFolder } from '../support/folder.ts';
import { PhonePage } from '../support/phone-page.ts';
import { passwords, startPhoneServer } from '../support/phone-server.ts';
import { freePort } from '../support/ports.ts';
import { leftovers, root } from '../support/process.ts';

let browser: Browser;
let folder: Folder;

beforeAll(async () => {
  await buildPages();
  folder = await temporaryFolder();
  browser = await launchBrowser({ says: `${root}/prompts/message.wav` });
});

afterAll(async () => {
  await browser.close();
  await folder[Symbol.asyncDispose]();
  expect(leftovers()).toEqual([]);
});

describe('a call of the page', () => {
  it('goes on while the WebSocket is gone, and asks for another way when the network is another', async () => {
    await using server = await startPhoneServer();
    await using page = await PhonePage.registered(browser, server.url, '5001', passwords[5001]);
    await page.plainSound();
    await page.dial('600');
    const call = page.call('600');
    await call.connected();
    await page.soonHears('message');

    await page.page.evaluate('phoneSockets.at(-1).close()');
    await page.page.getByText('Connection lost, trying again…').waitFor();
    await page.page.getByText('Registered as 5001').first().waitFor();
    await call.connected();
    await page.soonHears('message');

    const before = await page.localPort();
    await page.page.evaluate(`dispatchEvent(new Event('online'))`);
    await expect.poll(() => page.localPort(), { timeout: 15_000 }).not.toBe(before);
    await page.soonHears('message');
    await call.press('Hang up');
    await call.gone();
    await server.tandem.expectIdle();
    await server.tandem.stop();
  });
});
