/** Calls of the softphone page that outlive their WebSocket, their network, and the server's process. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { DurableServer } from '../support/durable.ts';
import { temporaryFolder } from '../support/folder.ts';
import { canHaveOtherNetwork, OtherNetwork } from '../support/other-network.ts';
import { PhonePage } from '../support/phone-page.ts';
import { passwords, startPhoneServer } from '../support/phone-server.ts';
import { freePort } from '../support/ports.ts';
import { leftovers } from '../support/process.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(async () => {
  await browser.close();
  expect(leftovers()).toEqual([]);
});

describe('a call of the page', () => {
  it('goes on while the WebSocket is gone, and asks for another way when the network is another', async ({
    annotate,
  }) => {
    await using server = await startPhoneServer();
    await using page = await PhonePage.registered(browser, server.url, '5001', passwords[5001]);
    await page.dial('1003');
    const call = page.call('1003');
    await call.connected();
    await page.soonHearsSound();

    await page.page.evaluate('phoneSockets.at(-1).close()');
    await page.page.getByText('Connection lost, trying again…').waitFor();
    await page.page.getByText('Registered as 5001').first().waitFor();
    await call.connected();
    await page.soonHearsSound();

    const [before, from] = [await page.localPort(), await page.heardMs()];
    await page.page.evaluate(`dispatchEvent(new Event('online'))`);
    await expect.poll(() => page.localPort(), { timeout: 15_000 }).not.toBe(before);
    await page.soonHearsSound();
    await annotate(`the page heard nothing for ${longestSilence(await page.heard(0, from))} ms`);
    await call.press('Hang up');
    await call.gone();
    await server.tandem.expectIdle();
    await server.tandem.stop();
  });

  it.runIf(canHaveOtherNetwork())('goes on at another address, after three seconds at none', async ({ annotate }) => {
    await using network = await OtherNetwork.open();
    await using folder = await temporaryFolder();
    const at = `${network.here}:${await freePort()}`;
    await using server = await startPhoneServer({
      config: [`http: { tls: true, tlsListen: "${at}", tlsFolder: "${folder.file('tls')}" }`],
      host: network.here,
    });
    await using browser = await network.launchBrowser();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await PhonePage.registered(context, `https://${at}/phone`, '5001', passwords[5001]);
    await page.dial('1003');
    const call = page.call('1003');
    await call.connected();
    await page.soonHearsSound();
    const from = await page.heardMs();
    network.leave();
    await page.page.waitForTimeout(3_000);
    network.comeElsewhere();
    await page.soonHearsSound();
    await call.connected();
    await page.page.getByText('Registered as 5001').first().waitFor();
    await page.soonHearsSound();
    await annotate(`the page heard nothing for ${longestSilence(await page.heard(0, from))} ms`);
    await call.press('Hang up');
    await call.gone();
    await server.tandem.expectIdle();
    await context.close();
    await server.tandem.stop();
  });

  it('goes on when the server was killed and is there again', async ({ annotate }) => {
    const users = { 5001: { password: passwords[5001] } };
    await using server = await DurableServer.start('ivr', {
      transports: ['udp', 'ws'],
      http: true,
      config: { users, store: { url: 'none' } },
    });
    const url = `http://127.0.0.1:${server.httpPort}/phone`;
    await using page = await PhonePage.registered(browser, url, '5001', passwords[5001]);
    await page.dial('1003');
    const call = page.call('1003');
    await call.connected();
    await page.soonHearsSound();

    const from = await page.heardMs();
    await server.kill();
    await page.page.getByText('Connection lost, trying again…').waitFor();
    await server.again();
    await page.page.getByText('Registered as 5001').first().waitFor();
    await call.connected();
    await page.soonHearsSound();
    const gap = longestSilence(await page.heard(0, from));
    await annotate(`the page heard nothing for ${gap} ms`);
    await call.press('Hang up');
    await call.gone();
    await expect.poll(async () => (await server.check()).calls).toBe(0);
    await server.stop();
  });
});

/** ms, in steps of 20 ms. */
function longestSilence(samples: Int16Array): number {
  let [longest, now] = [0, 0];
  for (let at = 0; at + 160 <= samples.length; at += 160) {
    const loud = samples.subarray(at, at + 160).some((sample) => Math.abs(sample) > 30);
    now = loud ? 0 : now + 20;
    longest = Math.max(longest, now);
  }
  return longest;
}
