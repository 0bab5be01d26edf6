/** What is wrong with a file is told with its line, its key, and what would be right. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TandemError } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/sources.ts';

const office = `users:
  "5001": { password: one }
  "5002": { password: two }
trunks:
  provider: { uri: sip.example.com }
calendar:
  times:
    office: { days: mon-fri, hours: "09:00-17:00" }
menus:
  main: { prompt: welcome.wav, keys: { "1": { queue: support } } }
queues:
  support: { members: ["5001"] }
ringGroups:
  sales: { members: ["5001", "5002"] }
`;
const lines = office.split('\n').length - 1;

function load(text: string) {
  return loadConfig({
    flags: new Map(),
    environment: {},
    file: { path: 'tandem.yaml', text },
    readSecret: () => '',
  });
}

function problems(text: string): string[] {
  try {
    load(text);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

/** What stands behind the office above, in line 1 of its own, and what is said of it. */
const wrong: [what: string, text: string, line: number, says: string][] = [
  [
    'a menu that is not there',
    'routes:\n  - to: { menu: mian }',
    2,
    'routes[0].to.menu: there is no menu mian: did you mean main?',
  ],
  [
    'a queue that is not there',
    'routes: [{ to: { queue: suport } }]',
    1,
    'routes[0].to.queue: there is no queue suport: did you mean support?',
  ],
  [
    'a user that is not there',
    'routes: [{ to: { user: "5003" } }]',
    1,
    'routes[0].to.user: there is no user 5003: did you mean 5001?',
  ],
  [
    'a trunk that is not there',
    'routes: [{ to: { trunk: main } }]',
    1,
    'routes[0].to.trunk: there is no trunk main: there is provider',
  ],
  [
    'a ring group that is not there, in a fallback',
    'routes:\n  - to:\n      user: "5001"\n      onBusy:\n        ringGroup: sale',
    5,
    'routes[0].to.onBusy.ringGroup: there is no ring group sale: did you mean sales?',
  ],
  [
    'a trunk to come by that is not there',
    'routes: [{ trunk: [provder], to: { menu: main } }]',
    1,
    'routes[0].trunk[0]: there is no trunk provder: did you mean provider?',
  ],
  [
    'a time that is not there',
    'routes: [{ time: not offices, to: { menu: main } }]',
    1,
    'routes[0].time: there is no time offices: did you mean office?',
  ],
  [
    'a route behind one that takes all',
    'routes:\n  - to: { menu: main }\n  - called: "600"\n    to: { service: echo }',
    3,
    'routes[1]: is never reached: routes[0] before it takes all its calls',
  ],
  [
    'a route behind a wider pattern',
    'routes:\n  - { called: "6XX", to: { service: echo } }\n  - { called: "60[0-3]", to: { service: music } }',
    3,
    'routes[1]: is never reached',
  ],
  [
    'a number without quotes',
    'routes:\n  - called: 0049\n    to: { menu: main }',
    2,
    'routes[0].called: expected text: put it in quotes: "0049"',
  ],
  [
    'brackets that do not fit',
    'routes: [{ called: "0(*", to: { menu: main } }]',
    1,
    'routes[0].called: "0(*" has brackets that do not fit',
  ],
  [
    'an expression that is none',
    'routes: [{ called: "/(/", to: { menu: main } }]',
    1,
    'routes[0].called: "/(/" is no expression',
  ],
  [
    'an unknown kind of target',
    'routes: [{ to: { mneu: main } }]',
    1,
    'routes[0].to.mneu: unknown key: did you mean menu?',
  ],
  [
    'two targets',
    'routes: [{ to: { menu: main, queue: support } }]',
    1,
    'routes[0].to.queue: has menu and queue: keep one',
  ],
  ['no target', 'routes:\n  - called: "600"\n    to: {}', 3, 'routes[0].to: says no target: name one of menu, user'],
  ['no `to`', 'routes:\n  - called: "600"', 2, 'routes[0].to: is missing'],
  [
    'a service that is none',
    'routes: [{ to: { service: ecko } }]',
    1,
    'routes[0].to.service: expected echo, music, file or record: did you mean echo?',
  ],
  [
    'what does not go with a target',
    'routes: [{ to: { service: echo, onBusy: { menu: main } } }]',
    1,
    'routes[0].to.onBusy: does not go with service, which takes prompt, until',
  ],
  [
    'a part that no bracket takes',
    'routes: [{ called: "0*", to: { trunk: provider, number: "$1" } }]',
    1,
    'routes[0].to.number: asks for $1, but the pattern of called has no brackets: write it as 0(*)',
  ],
  [
    'hours that are none',
    'routes: [{ time: { hours: 9-17 }, to: { menu: main } }]',
    1,
    'routes[0].time.hours: "9-17" are no hours: write 08:00-17:30',
  ],
  [
    'a day that is none',
    'routes: [{ time: { days: mon-fry }, to: { menu: main } }]',
    1,
    'routes[0].time.days: "mon-fry" is no day: write sun, mon',
  ],
  [
    'a date that is none',
    'routes: [{ time: { dates: ["02-30"] }, to: { menu: main } }]',
    1,
    'routes[0].time.dates: "02-30" is no date: write 2026-12-24',
  ],
  [
    'a time zone that is none',
    'routes: [{ time: { timeZone: Europe/Berlinn }, to: { menu: main } }]',
    1,
    'routes[0].time.timeZone: is no time zone: write one as Europe/Berlin',
  ],
  [
    'a status that refuses nothing',
    'routes: [{ to: { reject: 200 } }]',
    1,
    'routes[0].to.reject: expected at least 400',
  ],
  ['a text for a number', 'drainTimeout: soon', 1, 'drainTimeout: expected a number'],
  [
    'a list that is none',
    'routes: { to: { menu: main } }',
    1,
    'routes: expected a list: write it in [ ], or with - before each',
  ],
  [
    'a wrong choice',
    'log: { level: inof }',
    1,
    'log.level: expected trace, debug, info, warn, error or silent: did you mean info?',
  ],
  ['an unknown section', 'menu: {}', 1, 'menu: unknown key: did you mean menus?'],
  ['a key twice', 'users: {}', 1, 'Map keys must be unique'],
];

describe('a wrong file', () => {
  it.each(wrong)('%s', (_, text, line, says) => {
    const [first, ...more] = problems(`${office}${text}\n`);
    expect(first).toContain(`tandem.yaml:${lines + line}: ${says}`);
    expect(more).toEqual([]);
  });

  it.each([
    ['"x": repeat', 'menus.a.keys.x: a key is made of 0-9, * and #'],
    ['"1": repaet', 'menus.a.keys.1: expected repeat, back, end, or a target: did you mean repeat?'],
    ['"1": { menu: b }', 'menus.a.keys.1.menu: there is no menu b: did you mean a?'],
  ])('names the key of a menu: %s', (key, says) => {
    const text = `menus:\n  a:\n    prompt: a.wav\n    keys:\n      ${key}\nroutes: [{ to: { menu: a } }]\n`;
    expect(problems(text)).toEqual([`tandem.yaml:5: ${says}`]);
  });

  it('is told all at once, in the order of the file as far as it goes, and twenty at the most', () => {
    const text = 'routes:\n  - { to: { menu: 1 } }\n  - { to: { usr: a } }\nlog: { level: loud }\n';
    expect(problems(text).map((one) => one.slice(0, 14))).toEqual([
      'tandem.yaml:2:',
      'tandem.yaml:3:',
      'tandem.yaml:4:',
    ]);
    const many = problems(`routes:\n${'  - { to: { menu: x } }\n'.repeat(30)}`);
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe('and 39 more');
  });

  it('shows no secret that is wrong', () => {
    expect(problems('users: { "5001": { password: 123456 } }')).toEqual([
      'tandem.yaml:1: users.5001.password: expected text: put it in quotes',
    ]);
    expect(problems('voicemail: { boxes: { a: { pin: 9876 } } }').join()).not.toContain('9876');
  });

  it('may come by a variable, which is named then', () => {
    const environment = { TANDEM_ROUTES: '[{"to":{"menu":"mian"}}]' };
    expect(() => loadConfig({ flags: new Map(), environment, file: undefined, readSecret: () => '' })).toThrow(
      'variable TANDEM_ROUTES: routes[0].to.menu: there is no menu mian: did you mean main?',
    );
  });

  it('never does more than be refused', () => {
    fc.assert(
      fc.property(fc.nat(office.length), fc.nat(20), fc.string({ maxLength: 12 }), (at, length, put) => {
        const text = office.slice(0, at) + put + office.slice(at + length);
        try {
          load(text);
        } catch (error) {
          expect(error).toBeInstanceOf(TandemError);
          expect((error as TandemError).code).toBe('ERR_CONFIG');
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('who is rung', () => {
  it.each([
    ['"5001", "5001"', 'members[1]: 5001 is named twice: keep one'],
    ['"5009"', 'members[0]: there is no user 5009: did you mean 5001?'],
    ['"sip:"', 'members[0]: sip: is no URI: write it as sip:name@host'],
  ])('[%s] is refused', (members, says) => {
    const text = `users: { "5001": { password: a } }\nringGroups:\n  a:\n    members: [${members}]\n`;
    expect(problems(text)).toEqual([`tandem.yaml:4: ringGroups.a.${says}`]);
  });

  it('has one name for a mailbox, which is no way out of its folder', () => {
    expect(problems('voicemail: { boxes: { "a..b": {} } }')).toEqual([
      'tandem.yaml:1: voicemail.boxes.a..b: a name has no .. in it',
    ]);
  });
});

describe('a file that works', () => {
  it('has warnings for menus that no route leads to, and for routes that nobody can take', () => {
    expect(load(`${office}routes: [{ to: { user: "5001" } }]\n`).warnings).toEqual([
      'tandem.yaml:10: menus.main: no route leads to it',
    ]);
    expect(load('queues: { a: { members: ["sip:a@h"] } }\nroutes:\n  - to: { queue: a }\n').warnings).toEqual([
      'tandem.yaml:3: routes[0]: nobody gets there: there is neither a user nor a trunk; or say user: anyone',
    ]);
    expect(load('').warnings).toEqual([]);
  });

  it('keeps the menu of the routes as they are by default, beside its own', () => {
    expect(Object.keys(load(office.replace('  main:', '  mine:')).config.menus)).toEqual(['main', 'mine']);
  });
});
