/** Mailboxes and queues in the console, in a real browser. */
import { describe, expect, it } from 'vitest';
import { accessibilityProblems, consoleInBrowser, wideness } from '../support/console.ts';

const open = consoleInBrowser();

describe('mailboxes', () => {
  it('are in the menu where there are some; messages are heard, marked, and deleted after a second question', async () => {
    const { page, url, fake } = await open({ calls: 3, pbx: true });
    await page.getByRole('link', { name: 'Voicemail 2 new' }).click();
    const rows = page.getByRole('table', { name: 'Messages of sales' }).locator('tbody tr');
    await rows.nth(2).waitFor();
    await page.getByRole('button', { name: 'Listen to the message of 5001' }).click();
    await page.getByText('/ 0:08').waitFor();
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole('button', { name: 'Mark saved the message of 5001' }).click();
    await page.getByRole('link', { name: 'Voicemail 1 new' }).waitFor();

    await page.getByRole('button', { name: 'Delete the message of 5002' }).click();
    expect(await rows.count()).toBe(4);
    await page.getByRole('dialog').getByRole('button', { name: 'Delete message' }).click();
    await page.getByText('The message is deleted.').waitFor();
    await page.getByRole('button', { name: 'Delete the message of 5002' }).waitFor({ state: 'detached' });
    expect(fake.asked).toEqual([
      { method: 'voicemail.mark', params: ['sales', expect.any(String), 'saved'] },
      { method: 'voicemail.delete', params: ['sales', expect.any(String)] },
    ]);
    await page.goto(`${url}#/voicemail/5002`);
    await page.getByText('The messages of 5002 cannot be listed').waitFor();
  });

  it('are seen and not heard by who may only view, also on a phone', async () => {
    const { page, url } = await open({ calls: 3, pbx: true, role: 'view' }, { width: 360, theme: 'dark' });
    await page.goto(`${url}#/voicemail`);
    await page.getByText('They are private').waitFor();
    for (const name of ['Listen', 'Mark saved', 'Delete'])
      expect(await page.getByRole('button', { name }).first().isDisabled()).toBe(true);
    expect([await accessibilityProblems(page), await wideness(page)]).toEqual([[], 360]);
  });
});

describe('queues', () => {
  it('show who waits as it happens, and agents to pause', async () => {
    const { page, fake } = await open({ calls: 3, pbx: true });
    await page.getByRole('link', { name: 'Queues 2 waiting' }).click();
    const callers = page.getByRole('table', { name: 'Callers in sales' }).locator('tbody tr');
    await callers.filter({ hasText: '+4930123456' }).filter({ hasText: '5001' }).waitFor();
    await callers
      .getByText(/^\d+:\d\d$/)
      .first()
      .waitFor();
    fake.wait('sales', ([first]) => (first ? [first] : []));
    await page.getByRole('link', { name: 'Queues 1 waiting' }).waitFor();
    expect(await callers.count()).toBe(1);
    await page.getByRole('button', { name: 'Pause 5001' }).click();
    await page.getByRole('button', { name: 'Resume 5001' }).click();
    await page.getByRole('button', { name: 'Pause 5001' }).waitFor();
    expect(fake.asked).toEqual([
      { method: 'queue.pause', params: ['sales', '5001'] },
      { method: 'queue.resume', params: ['sales', '5001'] },
    ]);
    expect(await accessibilityProblems(page)).toEqual([]);
  });

  it('fit on a phone, and who may only view is told why it cannot pause', async () => {
    const { page, url } = await open({ calls: 3, pbx: true, role: 'view' }, { width: 360, theme: 'dark' });
    await page.goto(`${url}#/queues`);
    await page.getByText('Pausing agents needs').waitFor();
    expect(await page.getByRole('button', { name: 'Pause 5001' }).isDisabled()).toBe(true);
    expect([await accessibilityProblems(page), await wideness(page)]).toEqual([[], 360]);
  });

  it('and mailboxes are not in the menu where there are none', async () => {
    const { page } = await open({ calls: 3 });
    await page.getByRole('link', { name: 'Registrations' }).waitFor();
    for (const name of ['Queues', 'Voicemail']) expect(await page.getByRole('link', { name }).count()).toBe(0);
  });
});
