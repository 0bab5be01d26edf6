import { expect, test } from '../../helpers/lab.ts';
import { connected, House } from './house.ts';

test('statistics by group, by name and all, as numbers and as texts', async ({ lab }) => {
  const { house } = await connected(lab);
  const dialog = {
    'dialog.active_dialogs': 1,
    'dialog.early_dialogs': 0,
    'dialog.expired_dialogs': 0,
    'dialog.failed_dialogs': 0,
    'dialog.processed_dialogs': 1,
  };
  expect(await house.struct('stats.fetchn', 'all')).toEqual(dialog);
  expect(await house.struct('stats.fetch', 'active_dialogs', 'dialog:early_dialogs')).toEqual({
    'dialog.active_dialogs': '1',
    'dialog.early_dialogs': '0',
  });
  expect(await house.values('stats.get_statistics', 'all')).toHaveLength(5);
  // Kamailio takes a group with the name in the one, and not in the other.
  expect(await house.values('stats.get_statistics', 'dialog:active_dialogs')).toEqual([]);
});

test('reset takes those that only rise to 0, without a word', async ({ lab }) => {
  const { house } = await connected(lab);
  expect(await house.values('stats.reset_statistics', 'all')).toEqual([]);
  expect(await house.struct('stats.fetchn', 'all')).toMatchObject({
    'dialog.active_dialogs': 1,
    'dialog.processed_dialogs': 0,
  });
});

test('users are counted and listed in the shape of usrloc', async ({ lab }) => {
  const tandem = await lab.serve(async (call) => call.reject(404), {
    auth: { users: { alice: { password: 'secret' } } },
    registrar: {},
  });
  const client = lab.newTandem();
  await lab.run(client.register('sip:alice@10.0.0.1', { username: 'alice', password: 'secret', expires: 600 }));
  const house = new House(lab, tandem);
  expect(await house.struct('stats.fetchn', 'usrloc:')).toEqual({
    'usrloc.location-contacts': 1,
    'usrloc.location-users': 1,
    'usrloc.registered_users': 1,
  });
  const [binding] = tandem.registrar?.lookup('alice') ?? [];
  const contact = {
    Contact: expect.objectContaining({
      Address: binding?.uri,
      'Call-ID': binding?.callId,
      Expires: 600,
      State: 'CS_NEW',
    }),
  };
  expect(await house.struct('ul.lookup', 'location', 'alice@10.0.0.1')).toEqual({ AoR: 'alice', Contacts: [contact] });
  expect(await house.struct('ul.dump')).toEqual({
    Domains: [
      {
        Domain: {
          Domain: 'location',
          Size: 1024,
          AoRs: [{ Info: { AoR: 'alice', HashID: expect.any(Number), Contacts: [contact] } }],
          Stats: { Records: 1, 'Max-Slots': 1 },
        },
      },
    ],
  });
  expect(await house.kamcmd('ul.dump brief')).toContain('AoR: alice');
  for (const [words, fault] of [
    ['', 'Not enough parameters (table and AOR to lookup)'],
    ['other alice', 'Domain table not found'],
    ['location bob', 'AOR not found in location table'],
  ])
    expect(await house.kamcmd(`ul.lookup ${words}`.trim())).toBe(`error: 500 - ${fault}\n`);
});
