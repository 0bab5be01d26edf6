/** The console in a real browser, against a server that makes up its calls. */
import { describe, expect, it } from 'vitest';
import { callHref, finishedHref } from '../../../src/console/web/console/route.ts';
import type { FakeOptions, FakeServer } from '../../console/fake-server.ts';
import { accessibilityProblems, consoleInBrowser, type Opened, wideness } from '../support/console.ts';

const open = consoleInBrowser();
const firstCall = (fake: FakeServer): string => callHref(fake.calls[0]?.id ?? '');

describe('every page', () => {
  const stops: readonly (readonly [string, (opened: Opened) => Promise<void>])[] = [
    ['calls', async ({ page }) => page.getByRole('row').nth(2).waitFor()],
    [
      'call',
      async ({ page, fake, url }) => {
        await page.goto(url + firstCall(fake));
        await page
          .getByRole('button', { name: /INVITE/ })
          .first()
          .click();
        await page.getByRole('region', { name: 'SIP message' }).waitFor();
      },
    ],
    [
      'dialog',
      async ({ page, fake, url }) => {
        await page.goto(url + firstCall(fake));
        // On a narrow screen the message's dialog is still there.
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Transfer' }).first().click();
        await page.getByRole('dialog').waitFor();
      },
    ],
    [
      'finished',
      async ({ page, url }) => {
        await page.goto(`${url}#/finished`);
        await page.getByRole('button', { name: 'Listen' }).first().click();
        await page.getByText('/ 0:').waitFor();
      },
    ],
    [
      'finished call',
      async ({ page, url }) => {
        await page.goto(`${url}#/finished`);
        await page.locator('table.finished a.row-link').first().click();
        await page.getByRole('heading', { name: 'SIP ladder' }).waitFor();
      },
    ],
    ['registrations', async ({ page, url }) => void (await page.goto(`${url}#/registrations`))],
    [
      'lost',
      async ({ page, fake }) => {
        await fake.close();
        await page.getByText('Connection lost.').waitFor();
      },
    ],
  ];

  it.each([
    [360, 'light'],
    [1_440, 'dark'],
  ] as const)('is accessible and fits, %i px wide and %s', async (width, theme) => {
    const opened = await open({ calls: 3 }, { width, theme });
    for (const [name, go] of stops) {
      await go(opened);
      expect([name, await accessibilityProblems(opened.page)]).toEqual([name, []]);
      expect([name, await wideness(opened.page)]).toEqual([name, width]);
    }
  });

  it.each([
    [360, 'dark'],
    [1_440, 'light'],
  ] as const)('is so without calls and before the login too, %i px wide and %s', async (width, theme) => {
    const { page } = await open({ calls: 0, login: true }, { width, theme });
    await page.getByRole('button', { name: 'Log in' }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByLabel('User', { exact: true }).fill('operator');
    await page.getByLabel('Password').fill('secret');
    await page.keyboard.press('Enter');
    await page.getByText('No calls yet').waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await wideness(page)).toBe(width);
  });
});

describe('the list of calls', () => {
  it('shows both sides, state, codec, quality, and follows what the server pushes', async () => {
    const { page, fake } = await open({ calls: 3 });
    const rows = page.getByRole('row');
    await rows.nth(3).waitFor();
    const call = fake.calls[0]!;
    const row = page.getByRole('row', { name: new RegExp(/sip:(\d+)/.exec(call.from)?.[1] ?? '') });
    await row.getByText(/Talking|On hold|Conference/).waitFor();
    expect(await row.textContent()).toContain(call.legs[0]?.codec);
    expect(await row.textContent()).toMatch(/\d\.\d (good|fair|poor)/);
    fake.end(call.id);
    await row.waitFor({ state: 'detached' });
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe('3');
  });

  it('draws few rows of ten thousand, and finds among them', async () => {
    const { page, fake } = await open({ calls: 10_000 });
    await page.getByText('10,000', { exact: true }).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(80);
    await page.keyboard.press('/');
    await page.keyboard.type('no such thing');
    await page.getByText('No call is like that').waitFor();
    await page.getByRole('button', { name: 'Show all calls' }).click();
    // One that has been there for long is not the one that the server takes away meanwhile.
    const last = fake.calls.at(-1)!;
    await page.getByRole('searchbox').fill(last.callId);
    await page.getByText(/^1 of 10,000$/).waitFor();
    await page.getByRole('searchbox').fill('');
    await page.getByRole('button', { name: 'Duration' }).click();
    await page.getByRole('row').nth(5).waitFor();
    const bottom = page.locator('tr[aria-rowindex="10001"]');
    await expect
      .poll(async () => {
        await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
        return bottom.count();
      })
      .toBe(1);
    expect(await page.getByRole('row').count()).toBeLessThan(80);
  });

  it('goes from row to row with the arrows, and into a call with Enter', async () => {
    const { page, fake } = await open({ calls: 3 });
    const links = page.locator('a.row-link');
    await links.nth(2).waitFor();
    await links.first().focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'SIP ladder' }).waitFor();
    expect(fake.calls.map(({ id }) => callHref(id))).toContain(new URL(page.url()).hash);
  });
});

describe('the page of a call', () => {
  const openCall = async (options: Partial<FakeOptions> = {}): Promise<Opened> => {
    const opened = await open({ calls: 3, ...options });
    await opened.page.goto(opened.url + firstCall(opened.fake));
    await opened.page.getByRole('heading', { name: 'SIP ladder' }).waitFor();
    return opened;
  };

  it('shows the text of a message, and the next with the arrow', async () => {
    const { page } = await openCall();
    await page
      .getByRole('button', { name: /INVITE/ })
      .first()
      .click();
    const panel = page.getByRole('region', { name: 'SIP message' });
    expect(await panel.textContent()).toContain('CSeq: 1 INVITE');
    await page
      .getByRole('button', { name: /INVITE/ })
      .first()
      .focus();
    await page.keyboard.press('ArrowDown');
    await panel.getByText('SIP/2.0 100 Trying').waitFor();
  });

  it('asks for the action with the leg’s session, and shows what came of it', async () => {
    const { page, fake } = await openCall();
    const sessionId = fake.calls[0]?.legs[0]?.sessionId;
    const caller = page.getByRole('region', { name: 'Caller' });
    await caller.getByRole('button', { name: 'Hold' }).click();
    await caller.getByRole('button', { name: 'Resume' }).waitFor();
    await caller.getByRole('button', { name: 'Transfer' }).click();
    await page.getByRole('textbox', { name: 'To' }).fill('sip:5003@pbx.example.net');
    await page.keyboard.press('Enter');
    await page.getByText('Transferred.').waitFor();
    await caller.getByRole('button', { name: 'Record' }).click();
    await page.getByRole('textbox', { name: 'File name' }).fill('evidence');
    await page.keyboard.press('Enter');
    await page.getByText('Recording.').waitFor();
    expect(fake.asked).toEqual([
      { method: 'call.hold', params: { call: sessionId } },
      { method: 'call.transfer', params: { call: sessionId, to: 'sip:5003@pbx.example.net' } },
      { method: 'call.record', params: { call: sessionId, file: 'evidence.wav' } },
      { method: 'call.get', params: { call: sessionId } },
    ]);
  });

  it('says why a recording did not begin', async () => {
    const { page } = await openCall();
    await page.getByRole('region', { name: 'Callee' }).getByRole('button', { name: 'Record' }).click();
    await page.getByRole('textbox', { name: 'File name' }).fill('nowhere.wav');
    await page.keyboard.press('Enter');
    await page.getByText('no folder is set that files may be written to').waitFor();
  });

  it('ends a call only after a second question, and stays', async () => {
    const { page, fake } = await openCall();
    const { id } = fake.calls[0]!;
    await page.getByRole('button', { name: 'End call' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(fake.asked).toEqual([]);
    await page.getByRole('button', { name: 'End call' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End call' }).click();
    await page.getByText('This call has ended.').waitFor();
    expect(fake.asked).toEqual([{ method: 'dlg.end_dlg', params: id.split(':').map(Number) }]);
  });

  it('says that one listens in for as long as one does', async () => {
    const { page, fake } = await openCall();
    await page.getByRole('region', { name: 'Caller' }).getByRole('button', { name: 'Listen in' }).click();
    const sessionId = fake.calls[0]?.legs[0]?.sessionId;
    const bar = page.getByRole('alert').filter({ hasText: 'You are listening in' });
    await bar.getByText('This is logged').waitFor();
    expect(fake.asked).toEqual([{ method: 'listen', params: sessionId }]);
    await bar.getByRole('button', { name: 'Stop' }).click();
    await bar.waitFor({ state: 'detached' });
    await page.getByRole('region', { name: 'Caller' }).getByRole('button', { name: 'Listen in' }).click();
    await bar.waitFor();
    fake.end(fake.calls[0]?.id ?? '');
    await page.getByText('The call that you listened to has ended.').waitFor();
    await bar.waitFor({ state: 'detached' });
  });

  it('lets who may only view do nothing, and says why', async () => {
    const { page } = await openCall({ role: 'view', login: false });
    await page.getByText('Your role is “view”').waitFor();
    for (const name of ['End call', 'Hold', 'Listen in', 'Record'])
      expect(await page.getByRole('button', { name, exact: true }).first().isDisabled()).toBe(true);
  });
});

describe('finished calls', () => {
  it('are found on the server, come page by page, and their recordings are drawn and sought', async () => {
    const { page, url } = await open({ calls: 3 });
    await page.goto(`${url}#/finished`);
    const rows = page.locator('table.finished tbody tr');
    await rows.nth(49).waitFor();
    expect(await rows.count()).toBe(50);
    await page.getByRole('button', { name: 'Earlier calls' }).click();
    await rows.nth(99).waitFor();
    await page.getByRole('button', { name: 'Listen' }).first().click();
    const slider = page.getByRole('slider');
    await page.getByText(/\/ 0:[1-5]\d/).waitFor();
    await slider.focus();
    for (let i = 0; i < 30; i += 1) await page.keyboard.press('ArrowRight');
    expect(await slider.getAttribute('aria-valuetext')).toMatch(/^0:03 of 0:/);
    const drawn = await page.locator('canvas.waveform').evaluate((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number };
      interface Canvas {
        getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8Array } };
      }
      const { data } = (canvas as unknown as Canvas).getContext('2d').getImageData(0, 0, width, height);
      return data.some((value) => value > 0);
    });
    expect(drawn).toBe(true);
    await page.getByRole('searchbox').fill('nobody at all');
    await page.getByText('No finished call is like that').waitFor();
  });

  it('keep their messages', async () => {
    const { page, url } = await open({ calls: 3 });
    await page.goto(`${url}#/finished`);
    const link = page.locator('table.finished a.row-link').first();
    expect(await link.getAttribute('href')).toMatch(finishedHref(''));
    await link.click();
    await page
      .getByRole('button', { name: /INVITE/ })
      .first()
      .waitFor();
    expect(await page.getByRole('button', { name: 'End call' }).count()).toBe(0);
  });
});

describe('the connection', () => {
  it('comes back by itself, and goes on with the call that is looked at', async () => {
    const { page, fake, url } = await open({ calls: 3 });
    await page.goto(url + firstCall(fake));
    await page.getByRole('heading', { name: 'SIP ladder' }).waitFor();
    fake.dropConnections();
    await page.getByText('Connection lost.').waitFor();
    await page.getByText('Connection lost.').waitFor({ state: 'detached' });
    fake.end(fake.calls[0]?.id ?? '');
    await page.getByText('This call has ended.').waitFor();
  });

  it('is not tried for ever without a login', async () => {
    const { page, fake } = await open({ calls: 3, login: true });
    await page.getByRole('button', { name: 'Token' }).click();
    await page.getByLabel('Token', { exact: false }).last().fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('wrong user or password').waitFor();
    await page.getByLabel('Token', { exact: false }).last().fill('secret');
    await page.keyboard.press('Enter');
    await page.getByRole('row').nth(3).waitFor();
    fake.logOut();
    await page.getByText('You were logged out.').waitFor();
  });
});
