/** The softphone page in a real browser, as far as no audio flows: it registers, and says what is wrong in words. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axeFindings } from '../support/axe.ts';
import { launchBrowser, refuseMicrophone } from '../support/browser.ts';
import { keyNamed, PhonePage } from '../support/phone-page.ts';
import { type PhoneServer, passwords, startPhoneServer } from '../support/phone-server.ts';
import { freePort } from '../support/ports.ts';
import { leftovers } from '../support/process.ts';

let server: PhoneServer;
let browser: Browser;
let deadUrl: string;

beforeAll(async () => {
  const wsPort = await freePort();
  // Nothing listens at the second one.
  deadUrl = `ws://127.0.0.1:${wsPort + 1}/ws`;
  const config = [`webrtc: { servers: ["ws://127.0.0.1:${wsPort}/ws", "${deadUrl}"] }`];
  server = await startPhoneServer({ forAll: true, wsPort, config });
  browser = await launchBrowser({ microphone: 'asked' });
});

afterAll(async () => {
  await browser.close();
  await server.tandem.stop();
  await server[Symbol.asyncDispose]();
  expect(leftovers()).toEqual([]);
});

const registered = (user: keyof typeof passwords): Promise<PhonePage> =>
  PhonePage.registered(browser, server.url, String(user), passwords[user]);

const bindings = async (): Promise<number> => (await server.tandem.check()).bindings;

describe('the softphone page', () => {
  it('registers with a password, and signs out', async () => {
    await using phone = await registered(5001);
    expect(await bindings()).toBe(1);
    await phone.page.getByRole('button', { name: 'Sign out' }).click();
    await phone.page.getByText('Not registered').waitFor();
    await expect.poll(bindings).toBe(0);
    expect(phone.complaints).toEqual([]);
  });

  it.each([
    ['5001', 'wrong', 'Wrong user or password'],
    ['nobody', 'wrong', 'Wrong user or password'],
  ])('says that user %s with password %s is wrong', async (user, password, title) => {
    await using phone = await PhonePage.open(browser, server.url);
    await phone.register(user, password);
    await phone.warns(title);
  });

  it.each([
    ['cannot be reached', () => deadUrl, 'The server cannot be reached'],
    ['is none that the page may use', () => 'ws://127.0.0.1:65000/', 'This page may not use that server'],
    ['has an address that is none', () => 'http://example.com', 'The server address is wrong'],
  ])('says that a server %s', async (_what, url, title) => {
    await using phone = await PhonePage.open(browser, server.url);
    await phone.page.getByText('Server', { exact: true }).click();
    await phone.page.getByLabel('Server address').fill(url());
    await phone.register('5001', 'x');
    await phone.warns(title);
  });

  it('says that the microphone is blocked, and how to allow it', async () => {
    await using phone = await registered(5001);
    await refuseMicrophone(phone.page);
    await phone.dial('1000');
    await phone.warns('The microphone is blocked');
  });

  it('says that there is no microphone', async () => {
    await using without = await launchBrowser({ microphone: 'absent' });
    await using phone = await PhonePage.registered(without, server.url, '5001', passwords[5001]);
    await phone.dial('1000');
    await phone.warns('No microphone found');
  });

  it('remembers the password only where it is asked to, and only in its tab', async () => {
    await using phone = await PhonePage.open(browser, server.url);
    await phone.page.getByLabel('Stay registered').check();
    await phone.register('5002', passwords[5002]);
    await phone.page.getByText('Registered as 5002').first().waitFor();
    await phone.page.reload();
    await phone.page.getByText('Registered as 5002').first().waitFor();
    await phone.page.getByRole('button', { name: 'Sign out' }).click();
    await phone.page.reload();
    await phone.page.getByText('Not registered').waitFor();
    expect(await phone.page.getByLabel('User').inputValue()).toBe('5002');
    expect(await phone.page.getByLabel('Password').inputValue()).toBe('');
  });

  it('takes digits from the keyboard wherever the focus is', async () => {
    await using phone = await registered(5001);
    await phone.page.locator('body').click();
    await phone.page.keyboard.type('60');
    await phone.page.getByRole('button', { name: keyNamed('0') }).click();
    expect(await phone.page.getByLabel('Number or address').inputValue()).toBe('600');
  });

  it.each([
    'light',
    'dark',
  ] as const)('has no serious finding of axe in %s colours, on a narrow screen too', async (scheme) => {
    await using phone = await PhonePage.open(browser, server.url);
    await phone.page.emulateMedia({ colorScheme: scheme });
    expect(await axeFindings(phone.page)).toEqual([]);
    await phone.register('5003', passwords[5003]);
    await phone.page.getByText('Registered as 5003').first().waitFor();
    await phone.page.setViewportSize({ width: 360, height: 740 });
    expect(await axeFindings(phone.page)).toEqual([]);
    expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });
});
