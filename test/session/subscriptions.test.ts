import { describe } from 'vitest';
import { printDialogInfo } from '../../src/session/dialog-info.ts';
import type { DialogEventsOptions } from '../../src/session/subscriptions.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { Watcher } from '../helpers/watcher.ts';

async function watching(lab: Lab, options: boolean | DialogEventsOptions = true): Promise<[Watcher, Tandem]> {
  const tandem = await lab.serve(
    async (call, house) => {
      const callee = await call.invite(`sip:${call.toUser}@${call.toUser}`);
      await using bridge = await house.bridge(call, callee);
      await bridge.ended;
    },
    { dialogEvents: options },
  );
  return [new Watcher(lab), tandem];
}

describe('a subscription to the dialogs of a user', () => {
  test('tells the state at once, and each change', async ({ lab }) => {
    const [watcher] = await watching(lab);
    const answer = await watcher.subscribe(['Expires: 600', 'Accept: application/dialog-info+xml']);
    expect(answer.status).toBe(200);
    expect(answer.header('expires')).toBe('600');
    expect(answer.uriOf('contact')).toBe('sip:bob@10.0.0.1:5060');
    const [first] = watcher.notifies;
    expect(first?.uri).toBe('sip:watcher@10.0.9.1');
    expect(first?.header('event')).toBe('dialog');
    expect(first?.header('content-type')).toBe('application/dialog-info+xml');
    expect(first?.header('subscription-state')).toMatch(/^active;expires=(599|600)$/);
    expect(first?.body).toContain('version="0" state="full" entity="sip:bob@10.0.0.1"');
    expect(first?.body).not.toContain('<dialog ');

    const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
    alice.invite('bob');
    await bob.rings();
    await lab.advance(10);
    expect(watcher.notifies.at(-1)?.body).toMatch(/<dialog id="\w+" direction="recipient"><state>early<\/state>/);
    await bob.answer();
    await lab.advance(10);
    await alice.hangup();
    await lab.advance(10);
    expect(watcher.shown.filter((state, i, all) => state !== all[i - 1])).toEqual([
      '',
      'trying',
      'early',
      'confirmed',
      '',
    ]);
    const versions = watcher.notifies.map(({ body }) => Number(/ version="(\d+)"/.exec(body)?.[1]));
    expect(versions).toEqual(versions.map((_, i) => i));

    // bob calls himself, and others' calls are not his.
    await bob.dial('alice').catch(() => {});
    expect(watcher.notifies.at(-1)?.body).toContain('direction="initiator"');
    await bob.hangup();
    expect((await watcher.subscribe(['Expires: 0'])).header('expires')).toBe('0');
    expect(watcher.states.at(-1)).toBe('terminated;reason=timeout');
    watcher.close();
  });

  test('ends when its time is up, unless it is refreshed', async ({ lab }) => {
    const [watcher, tandem] = await watching(lab);
    await watcher.subscribe(['Expires: 60']);
    await lab.advance(50_000);
    await watcher.subscribe(['Expires: 60']);
    await lab.advance(50_000);
    expect(watcher.states.filter((state) => state.startsWith('terminated'))).toEqual([]);
    await lab.advance(20_000);
    expect(watcher.states.at(-1)).toBe('terminated;reason=timeout');
    expect((await tandem.check()).sip.dialogs).toBe(0);
    expect((await watcher.subscribe(['Expires: 60'])).status).toBe(481);
    watcher.close();
  });

  test.for([
    ['Event: dialog;id=7', 'dialog;id=7'],
    ['Event: dialog;id="a b"', 'dialog'],
    ['Event: dialog;id', 'dialog'],
  ] as const)('that is made with %s has NOTIFYs with %s', async ([event, expected], { lab }) => {
    const [watcher] = await watching(lab);
    await watcher.subscribe(['Expires: 0'], event);
    expect(watcher.notifies[0]?.header('event')).toBe(expected);
    watcher.close();
  });

  test('shows the state once to who asks for no time', async ({ lab }) => {
    const [watcher] = await watching(lab);
    await watcher.subscribe(['Expires: 0']);
    expect(watcher.states).toEqual(['terminated;reason=timeout']);
    watcher.close();
  });

  test.for([200, 0, 481])('is over for who answers NOTIFY with %i', async (status, { lab }) => {
    const [watcher, tandem] = await watching(lab);
    watcher.answers = status;
    await watcher.subscribe(['Expires: 3600']);
    await lab.advance(40_000);
    expect((await tandem.check()).sip.dialogs).toBe(status === 200 ? 1 : 0);
    await lab.run(tandem.close());
    if (status === 200) expect(watcher.states.at(-1)).toBe('terminated;reason=deactivated');
    watcher.close();
  });

  test.for([
    [['Expires: 10'], 'Event: dialog', 423],
    [['Expires: x'], 'Event: dialog', 400],
    [[], 'Event: presence', 489],
    [[], '', 489],
    [['Accept: application/pidf+xml'], 'Event: dialog', 406],
    [['Contact: <sip:a@b:99999>'], 'Event: dialog', 400],
    [['Contact: <sip:a@b>, <sip:c@d>'], 'Event: dialog', 400],
  ] as const)('is refused with %j %s: %i', async ([headers, event, status], { lab }) => {
    const [watcher, tandem] = await watching(lab);
    const answer = await watcher.subscribe(headers, event);
    expect(answer.status).toBe(status);
    if (status === 423) expect(answer.header('min-expires')).toBe('60');
    if (status === 489) expect(answer.header('allow-events')).toBe('refer, dialog');
    expect((await tandem.check()).sip.dialogs).toBe(0);
    watcher.close();
  });

  test('is for those who may know, and no more than so many', async ({ lab }) => {
    const [watcher] = await watching(lab, { allow: (user) => user !== 'bob' });
    expect((await watcher.subscribe()).status).toBe(403);
    watcher.close();
  });

  test('has a bound', async ({ lab }) => {
    const [watcher] = await watching(lab, { most: 0 });
    expect((await watcher.subscribe()).header('retry-after')).toBe('60');
    watcher.close();
  });

  test('is nothing that can be had unless it is switched on', async ({ lab }) => {
    const [watcher] = await watching(lab, false);
    expect((await watcher.subscribe()).status).toBe(405);
    watcher.close();
  });

  test('names who was transferred to, from then on', async ({ lab }) => {
    const [watcher] = await watching(lab);
    const [alice, bob, carol] = [lab.phone('alice'), lab.phone('bob'), lab.phone('carol')];
    bob.onCall = carol.onCall = { answerAfterMs: 0 };
    await watcher.subscribe();
    await alice.dial('bob');
    await lab.advance(10);
    const { callId, localTag, remoteTag } = alice.call?.dialog ?? {};
    const replaces = `${callId};to-tag=${remoteTag};from-tag=${localTag}`;
    await carol.dial('any', { headers: [['Replaces', replaces]] });
    await alice.ends();
    expect(watcher.shown.at(-1)).toBe('confirmed'); // bob talks with carol now
    await carol.hangup();
    await bob.ends();
    await lab.advance(10);
    expect(watcher.shown.at(-1)).toBe('');
    await watcher.subscribe(['Expires: 0']);
    watcher.close();
  });
});

describe('dialog-info', () => {
  test('is XML whatever the names are', () => {
    const text = printDialogInfo('sip:a"<&>@b', 7, [{ id: '<', direction: 'initiator', state: 'early' }]);
    expect(text).toContain('version="7" state="full" entity="sip:a&quot;&lt;&amp;&gt;@b"');
    expect(text).toContain('<dialog id="&lt;" direction="initiator"><state>early</state></dialog>');
  });
});
