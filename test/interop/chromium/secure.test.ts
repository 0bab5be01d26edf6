/** The page over HTTPS, SIP over wss on the same port, and a server that prefers Opus: as phones in a network have it. */
import { afterEach, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { temporaryFolder } from '../support/folder.ts';
import { PhonePage } from '../support/phone-page.ts';
import { passwords, startPhoneServer } from '../support/phone-server.ts';
import { freePort } from '../support/ports.ts';
import { expectNoPrograms, root } from '../support/process.ts';

afterEach(expectNoPrograms);

describe('the page over https', () => {
  it('registers over wss, calls in Opus, and hears itself', async () => {
    await using folder = await temporaryFolder();
    const at = `127.0.0.1:${await freePort()}`;
    await using server = await startPhoneServer({
      config: [
        `http: { tls: true, tlsListen: "${at}", tlsFolder: "${folder.file('tls')}" }`,
        'media: { codecs: [opus, PCMU, telephone-event] }',
      ],
    });
    await using browser = await launchBrowser({ says: `${root}/prompts/message.wav` });
    // The certificate is one that the server made at its start.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await PhonePage.registered(context, `https://${at}/phone`, '5001', passwords[5001]);
    await page.plainSound();
    await page.dial('600');
    const call = page.call('600');
    await call.connected();
    await page.soonHears('message');
    await call.card.getByText(/^Quality/).click();
    await call.says('opus/48000');
    expect(page.complaints).toEqual([]);
    await call.press('Hang up');
    await call.gone();
    await server.tandem.expectIdle();
    await context.close();
    await server.tandem.stop();
  });
});
