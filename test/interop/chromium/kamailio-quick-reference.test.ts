/** Tests 1 to 3 of the dialog module's quick reference as they stand there: three tabs of a browser, and kamcmd. */
import { afterEach, describe, expect, it } from 'vitest';
import { launchBrowser } from '../support/browser.ts';
import { PhonePage } from '../support/phone-page.ts';
import { passwords, startPhoneServer } from '../support/phone-server.ts';
import { expectNoPrograms } from '../support/process.ts';
import { Shell } from '../support/quick-reference-shell.ts';

afterEach(expectNoPrograms);

const kamcmd = 'sudo docker exec webrtc-kamailio kamcmd';

describe('the quick reference, in the browser', () => {
  it('test 1, 2 and 3: counts, details, profiles', async () => {
    await using server = await startPhoneServer();
    await using real = await Shell.open(server.tandem, 'kamcmd');
    await using quick = await Shell.open(server.tandem, 'quickref');
    await using browser = await launchBrowser();
    const context = await browser.newContext();
    const url = server.url.replace('/phone', '/index-minimal.html');
    const calls = async (user: keyof typeof passwords): Promise<PhonePage> => {
      const tab = await PhonePage.registered(context, url, String(user), passwords[user]);
      await tab.dial('1003');
      await tab.call('1003').connected();
      return tab;
    };
    const watch = `watch -n 2 '${kamcmd} dlg.stats_active'`;
    const count = async (ongoing: number): Promise<void> => {
      await expect.poll(() => quick.run(watch), { timeout: 15_000 }).toBe(`${ongoing}\n`);
      expect(await real.run(watch)).toMatch(new RegExp(`^\\tongoing: ${ongoing}$`, 'm'));
    };
    await count(0);

    const tabs = [await calls(5001)];
    await count(1);
    const { dialog } = JSON.parse(await quick.run(`${kamcmd} dlg.list`));
    expect(dialog).toEqual([
      expect.objectContaining({
        callid: expect.any(String),
        from_uri: 'sip:5001@127.0.0.1',
        to_uri: 'sip:1003@127.0.0.1',
        state: '4',
        duration: expect.stringMatching(/^\d+$/),
        profiles: 'caller=sip:5001@127.0.0.1',
      }),
    ]);
    expect(await real.run(`${kamcmd} dlg.list`)).toMatch(/^\tfrom_uri: sip:5001@127\.0\.0\.1$/m);

    tabs.push(await calls(5002), await calls(5003));
    await count(3);
    for (const shell of [real, quick]) expect(await shell.run(`${kamcmd} dlg.profile_get_size caller`)).toBe('3\n');

    for (const tab of tabs) await tab.call('1003').press('Hang up');
    await count(0);
    expect(await real.run(`${kamcmd} dlg.profile_get_size caller`)).toBe('0\n');
    await server.tandem.expectIdle();
    await context.close();
    await server.tandem.stop();
  });
});
