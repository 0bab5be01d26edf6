/** Calls of the softphone page in a real browser: to the ready-made server, and through it to other pages. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { axeFindings } from '../support/axe.ts';
import { launchBrowser } from '../support/browser.ts';
import { PhonePage } from '../support/phone-page.ts';
import { type PhoneServer, passwords, startPhoneServer } from '../support/phone-server.ts';
import { leftovers, root } from '../support/process.ts';

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

async function phone(user: keyof typeof passwords): Promise<PhonePage> {
  const page = await PhonePage.registered(browser, server.url, String(user), passwords[user]);
  await page.plainSound();
  return page;
}

describe('a call of the page to the server', () => {
  it('hears the prompt of the menu, which takes the digits of the keypad', async () => {
    await using page = await phone(5001);
    await page.dial('1000');
    const call = page.call('1000');
    await call.connected();
    expect(await page.hears('welcome', { seconds: 4 })).toBeGreaterThan(0.9);
    const from = await page.heardMs();
    await call.digits('1');
    expect(await page.hears('message', { from, seconds: 3 })).toBeGreaterThan(0.9);
    await call.digits('#');
    await call.gone();
    await page.page.getByText('The other side hung up').waitFor();
    expect(page.complaints).toEqual([]);
  });

  it('hears itself at 600, nothing on hold, and itself again when it goes on', async () => {
    await using page = await phone(5002);
    await page.dial('600');
    const call = page.call('600');
    await call.connected();
    await page.soonHears('message');
    await call.press('Hold');
    await call.says('On hold');
    await page.soonHearsNothing();
    await call.press('Resume');
    await call.connected();
    await page.soonHears('message');
    await call.press('Mute');
    await page.soonHearsNothing();
    await call.press('Hang up');
    await call.gone();
  });

  it('says in words what became of it', async () => {
    await using page = await phone(5003);
    await page.dial('4711');
    await page.warns('Number unknown');
    await page.dial('5001');
    await page.warns('Not available');
    await page.dial('no number!');
    await page.warns('That is no number');
  });
});

describe('a call whose certificate is not the one that SIP named', () => {
  it('is ended by the server, which has sent nothing', async () => {
    await using page = await phone(5003);
    await page.page.evaluate(() => {
      const { send } = WebSocket.prototype;
      WebSocket.prototype.send = function (data) {
        const forged = (_: string, name: string, byte: string) => `${name}${byte === '00' ? '11' : '00'}`;
        send.call(this, typeof data === 'string' ? data.replace(/(a=fingerprint:\S+ )(..)/g, forged) : data);
      };
    });
    await page.dial('601');
    await page.call('601').gone();
    const cut = () => server.tandem.log.find(({ msg }) => msg === 'the audio of the call is cut off, ending the call');
    await expect.poll(() => cut()?.reason, { timeout: 10_000 }).toMatch(/^DTLS: the certificate is not the one/);
    expect(await page.heardMs()).toBe(0);
  });
});

describe('a call of one page to another', () => {
  it('is refused as busy, or answered, and is heard on both sides', async () => {
    await using first = await phone(5001);
    await using second = await phone(5002);
    await first.dial('5002');
    await second.call('5001').press('Reject');
    await first.warns('Busy');

    await first.dial('5002');
    await first.call('5002').says('Ringing…');
    await second.page.keyboard.press('Enter');
    await Promise.all([first.call('5002').connected(), second.call('5001').connected()]);
    for (const page of [first, second]) await page.soonHears('message');

    await second.call('5001').press('Hold');
    await first.soonHearsNothing();
    await second.call('5001').press('Resume');
    await first.soonHears('message');
    await second.call('5001').press('Hang up');
    await first.call('5002').gone();
  });

  it('is handed on to a third one, blind', async () => {
    await using first = await phone(5001);
    await using second = await phone(5002);
    await using third = await phone(5003);
    await first.dial('5002');
    await second.call('5001').press('Answer');
    await second.call('5001').connected();
    await second.call('5001').transferTo('5003');
    await third.page.getByRole('button', { name: 'Answer' }).click();
    await second.call('5001').gone();
    await third.soonHears('message');
    await first.soonHears('message');
    await third.page.getByRole('button', { name: 'Hang up' }).click();
    await first.call('5002').gone();
  });

  it('is handed on to a third one that was asked first', async () => {
    await using first = await phone(5001);
    await using second = await phone(5002);
    await using third = await phone(5003);
    await first.dial('5002');
    await second.call('5001').press('Answer');
    await second.call('5001').connected();

    await second.call('5001').press('Transfer');
    await second.call('5001').card.getByLabel('Transfer to').fill('5003');
    await second.call('5001').card.getByRole('button', { name: 'Ask first' }).click();
    await third.call('5002').press('Answer');
    await second.call('5003').connected();
    await second.call('5001').says('On hold');

    await second.call('5001').press('Transfer');
    await second.call('5003').press('Keypad');
    expect(await axeFindings(second.page)).toEqual([]);
    await second.call('5001').card.getByRole('button', { name: 'Connect with 5003' }).click();
    await Promise.all([second.call('5001').gone(), second.call('5003').gone()]);
    await first.soonHears('message');
    await third.soonHears('message');
    await first.page.getByRole('button', { name: 'Hang up' }).click();
    await third.call('5002').gone();
  });
});
