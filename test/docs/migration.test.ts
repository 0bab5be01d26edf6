/** docs/migration-kamailio.md: its snippets are those that are checked and run here, and leave nothing out. */
import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { importKamailio } from '../../src/config/kamailio-import.ts';
import { loadConfig } from '../../src/config/sources.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { type Scene, snippets } from './migration-snippets.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
const text = read('../../docs/migration-kamailio.md');
const source = read('migration-snippets.ts');

/** By name, without what is only for the test. */
const written = new Map(
  [...source.matchAll(/^ {2}(\w+): (?:async )?\([^)]*\) => \{\n([\s\S]*?)^ {2}\},$/gm)].map(
    ([, name = '', body = '']) => [
      name,
      body
        .split('\n')
        .map((line) => line.replace(/^ {4}/, ''))
        .filter((line) => !line.startsWith('note('))
        .join('\n'),
    ],
  ),
);
const shown = new Map(
  [...text.matchAll(/^```ts (\w+)\n([\s\S]*?)^```$/gm)].map(([, name = '', body = '']) => [name, body]),
);

describe('the migration page', () => {
  it('shows the snippets that are run, all of them', () => {
    expect([...written.keys()]).toEqual(Object.keys(snippets));
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(written));
  });

  // Those of the module's overview; 5.6.3 and its successor have a few more, which have nothing to do here.
  it.each(
    `dlg_manage is_known_dlg dlg_bye dlg_refer dlg_bridge dlg_get dlg_set_timeout dlg_set_timeout_by_profile dlg_setflag
    dlg_resetflag dlg_isflagset dlg_set_property dlg_reset_property set_dlg_profile unset_dlg_profile is_in_profile
    get_profile_size $dlg_var dlg_get_var dlg_set_var dlg_set_state dlg_update_state register_dlgcb dlg_request_within
    dlg_req_with_headers dlg_req_with_content`.split(/\s+/),
  )('has a place for %s', (name) => {
    const heading = text
      .split('\n')
      .find((line) => line.startsWith('### ') && line.slice(4).split(', ').includes(name));
    expect(heading).toBeDefined();
    expect(text.slice(text.indexOf(`${heading}\n`)).split('\n### ')[0]).toContain('```ts ');
  });

  it.each(
    `enable_stats hash_size rr_param default_timeout timeout_avp dlg_extra_hdrs dlg_match_mode detect_spirals db_url db_mode
    early_timeout noack_timeout end_timeout send_bye wait_ack profiles_with_value profiles_no_value enable_dmq
    db_update_period table_name vars_table_name`.split(/\s+/),
  )('says what becomes of the parameter %s, as import does it', (name) => {
    const row = text.split('\n').find((line) => line.includes(`"${name}"`)) ?? '';
    const [, before = '', after = ''] = row.split(' | ').join('|').split('|');
    const { yaml, left } = importKamailio(before.trim().replaceAll('`', ''), 'kamailio.cfg');
    const wanted = after.trim().replaceAll('`', '');
    expect(load(yaml)).toEqual(load(wanted));
    expect(left.map(({ what }) => what)).toEqual(wanted === '' ? [name] : []);
  });
});

function load(yaml: string): object {
  const { registry, store } = loadConfig({
    ...{ flags: new Map(), environment: {}, readSecret: () => '' },
    file: { path: 'tandem.yaml', text: yaml },
  }).config;
  return { registry, store };
}

// ---- run

interface Play extends Omit<Scene, 'note'> {
  readonly lab: Lab;
  readonly alice: Phone;
  readonly bob: Phone;
  readonly noted: readonly unknown[];
}

/** @param before what is done before the snippet runs. @param after with the call, while it may still run */
async function play(
  lab: Lab,
  name: keyof typeof snippets,
  { before, after }: { before?: (scene: Play) => unknown; after?: (scene: Play) => unknown } = {},
): Promise<readonly unknown[]> {
  const noted: unknown[] = [];
  const alice = lab.phone('alice', { address: '10.0.0.6' });
  const bob = lab.phone('bob', { address: '10.0.0.7' });
  bob.onCall = { answerAfterMs: 100 };
  const ran = Promise.withResolvers<Play>();
  const tandem = await lab.serve(
    async (call) => {
      const scene: Play = { call, tandem, lab, alice, bob, noted };
      const isAnswering = name === 'get_profile_size' || name === 'limit';
      if (!isAnswering) await call.answer();
      await before?.(scene);
      const work = (async () => snippets[name]({ call, tandem, note: (what) => noted.push(what) }))();
      work.then(
        () => ran.resolve(scene),
        (error) => ran.reject(error),
      );
      if (isAnswering) await work;
      await call.ended;
    },
    { registry: { profilesWithValue: ['caller'], profilesNoValue: ['inbound'] } },
  );
  alice.invite('sip:1000@10.0.0.1');
  const scene = await lab.run(ran.promise);
  await lab.advance(500);
  await after?.(scene);
  return noted;
}

const dialogOf = ({ tandem, call }: Play) => tandem.registry.of(call);
const caller = 'sip:alice@example.com';

describe('its snippets', () => {
  test('dlg_manage, untracked, is_known_dlg', async ({ lab }) => {
    const [ids] = await play(lab, 'dlg_manage', {
      after: (scene) => expect([dialogOf(scene)?.hEntry, dialogOf(scene)?.hId]).toEqual(scene.noted[0]),
    });
    expect(ids).toEqual([expect.any(Number), expect.any(Number)]);
  });

  test('untracked', async ({ lab }) => {
    await play(lab, 'untracked', { after: ({ tandem }) => expect(tandem.registry.size).toBe(0) });
  });

  test.for(['is_known_dlg', 'dlg_get'] as const)('%s', async (name, { lab }) => {
    expect(await play(lab, name)).toEqual([true]);
  });

  test('dlg_bye', async ({ lab }) => {
    await play(lab, 'dlg_bye', { after: ({ alice }) => expect(alice.call?.state).toBe('over') });
  });

  test('dlg_refer', async ({ lab }) => {
    const noted = await play(lab, 'dlg_refer', {
      after: ({ bob, call }) => expect([bob.call?.state, call.state]).toEqual(['up', 'ended']),
    });
    expect(noted).toEqual([200]);
  });

  test('bridge_dlg', async ({ lab }) => {
    await play(lab, 'bridge_dlg', {
      before: ({ alice }) => {
        alice.anotherLine().onCall = { answerAfterMs: 100 };
      },
      after: ({ bob, tandem }) => {
        expect([bob.call?.state, tandem.registry.activeDialogs.ongoing]).toEqual(['up', 2]);
      },
    });
  });

  test('dlg_bridge', async ({ lab }) => {
    await play(lab, 'dlg_bridge', {
      after: async ({ alice, bob }) => {
        expect([alice.call?.state, bob.call?.state]).toEqual(['up', 'up']);
        expect(String((await bob.rings()).text)).toContain('X-Reason: overflow');
      },
    });
  });

  test('dlg_set_timeout', async ({ lab }) => {
    await play(lab, 'dlg_set_timeout', { after: (scene) => expect(dialogOf(scene)?.lifetime).toBe(600) });
  });

  test('dlg_set_timeout_by_profile', async ({ lab }) => {
    await play(lab, 'dlg_set_timeout_by_profile', {
      before: ({ call }) => call.profiles.set('caller', 'sip:alice@10.0.0.6'),
      after: (scene) => expect(dialogOf(scene)?.lifetime).toBe(60),
    });
  });

  test('dlg_setflag', async ({ lab }) => {
    await play(lab, 'dlg_setflag', { after: ({ call }) => expect(call.flags.isSet(4)).toBe(true) });
  });

  test('dlg_resetflag', async ({ lab }) => {
    await play(lab, 'dlg_resetflag', {
      before: ({ call }) => call.flags.set(4),
      after: ({ call }) => expect(call.flags.isSet(4)).toBe(false),
    });
  });

  test('dlg_isflagset', async ({ lab }) => {
    expect(await play(lab, 'dlg_isflagset', { before: ({ call }) => call.flags.set(4) })).toEqual([true]);
  });

  test('dlg_set_property', async ({ lab }) => {
    await play(lab, 'dlg_set_property', { after: (scene) => expect(dialogOf(scene)?.isSet('ka-src')).toBe(true) });
  });

  test('dlg_reset_property', async ({ lab }) => {
    await play(lab, 'dlg_reset_property', {
      before: (scene) => dialogOf(scene)?.setProperty('ka-src'),
      after: (scene) => expect(dialogOf(scene)?.isSet('ka-src')).toBe(false),
    });
  });

  test('set_dlg_profile', async ({ lab }) => {
    await play(lab, 'set_dlg_profile', {
      after: ({ tandem: { registry } }) => {
        expect([registry.profiles.size('caller', caller), registry.profiles.size('inbound')]).toEqual([1, 1]);
      },
    });
  });

  test('unset_dlg_profile', async ({ lab }) => {
    await play(lab, 'unset_dlg_profile', {
      before: ({ call }) => call.profiles.set('inbound'),
      after: ({ tandem }) => expect(tandem.registry.profiles.size('inbound')).toBe(0),
    });
  });

  test('is_in_profile', async ({ lab }) => {
    expect(await play(lab, 'is_in_profile', { before: ({ call }) => call.profiles.set('caller', caller) })).toEqual([
      true,
    ]);
  });

  test.for([
    ['get_profile_size', 1, 'up'],
    ['get_profile_size', 2, 'over'],
    ['limit', 1, 'up'],
    ['limit', 2, 'over'],
  ] as const)('%s with %i other calls', async ([name, others, state], { lab }) => {
    await play(lab, name, {
      before: async ({ tandem }) => {
        for (let other = 0; other < others; other++) {
          const leg = await tandem.newDialog(`sip:nobody${other}@10.0.0.9`);
          leg.profiles.set('caller', caller);
        }
      },
      after: ({ alice }) => expect(alice.call?.state).toBe(state),
    });
  });

  test('dlg_var', async ({ lab }) => {
    expect(await play(lab, 'dlg_var', { after: ({ call }) => expect(call.variables.size).toBe(0) })).toEqual(['acme']);
  });

  test('dlg_get_var', async ({ lab }) => {
    expect(await play(lab, 'dlg_get_var')).toEqual(['none']);
  });

  test('dlg_set_var', async ({ lab }) => {
    await play(lab, 'dlg_set_var', { after: ({ call }) => expect(call.variables.get('customer')).toBe('acme') });
  });

  test('dlg_set_state', async ({ lab }) => {
    await play(lab, 'dlg_set_state', {
      after: ({ alice, tandem }) => {
        expect([alice.call?.state, tandem.registry.activeDialogs.all]).toEqual(['up', 0]);
      },
    });
  });

  test('dlg_update_state', async ({ lab }) => {
    expect(await play(lab, 'dlg_update_state')).toEqual([4]);
  });

  test('dlg_request_within', async ({ lab }) => {
    expect(await play(lab, 'dlg_request_within')).toEqual([expect.any(Number)]);
  });

  test('event_route', async ({ lab }) => {
    const noted = await play(lab, 'event_route', {
      after: async ({ alice, bob }) => {
        await alice.hangup();
        await bob.dial('sip:1000@10.0.0.1');
      },
    });
    expect(noted).toEqual(['end caller remote', 'start sip:bob@10.0.0.7']);
  });

  test('timeout_route', async ({ lab }) => {
    expect(
      await play(lab, 'timeout_route', {
        after: async ({ alice }) => {
          await lab.advance(10_000);
          expect(alice.call?.state).toBe('up');
          await lab.advance(60_000);
          expect(alice.call?.state).toBe('over');
        },
      }),
    ).toEqual(['one minute more']);
  });

  test('register_dlgcb', async ({ lab }) => {
    const noted = await play(lab, 'register_dlgcb', { after: ({ alice }) => alice.hangup() });
    expect(noted).toEqual(['function', 'remote']);
  });

  test('DLG_count', async ({ lab }) => {
    expect(await play(lab, 'DLG_count')).toEqual([
      [1, 4, 43_200, 'sip:alice@10.0.0.6', expect.stringContaining('10.0.0.6')],
    ]);
  });
});
