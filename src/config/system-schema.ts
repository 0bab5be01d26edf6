/** The settings that say where calls go: times, routes and menus. */
import { z } from 'zod';
import { parsePattern } from '../routes/pattern.ts';
import { isTimeZone, parseDates, parseDays, parseHours } from '../routes/schedule.ts';
import { kindsOf, serviceNames, type Target, targetKinds } from '../routes/target.ts';
import { complain, milliseconds, name, prompt, text, texts } from './schema-pieces.ts';

// ── Times

const timeZone = z.string().refine(isTimeZone, 'is no time zone: write one as Europe/Berlin or UTC');
const timeRule = z.strictObject({
  days: texts(parseDays, true).optional().describe('mon-fri, or a list'),
  hours: texts(parseHours, true).optional().describe('08:00-17:30, or a list; 22:00-06:00 goes past midnight'),
  dates: texts(parseDates, true).optional().describe('2026-12-24, 12-24 of every year, 12-24..01-06, or a list'),
  holidays: z.enum(['only', 'except']).optional().describe('default: days as others'),
  timeZone: timeZone.optional().describe('default calendar.timeZone'),
});

export const calendarSchema = z
  .strictObject({
    timeZone: timeZone
      .default(() => Intl.DateTimeFormat().resolvedOptions().timeZone)
      .describe("of times; default the machine's"),
    holidays: z
      .array(z.string().superRefine(complain(parseDates)))
      .default([])
      .describe('dates, as 2026-04-03, 12-25 of every year, 12-24..01-06'),
    times: z.record(name, timeRule).default({}).describe('times that routes name'),
  })
  .prefault({});

// ── Targets

const status = z.int().min(400).max(699);

const target: z.ZodType<Target, Target> = z
  .strictObject({
    menu: text.optional().describe('a menu, by its name'),
    user: text.optional().describe('the phones of a user; $0 is the number that was called'),
    ringGroup: text.optional(),
    queue: text.optional(),
    trunk: text.optional().describe('out through a trunk'),
    uri: text.optional().describe('any SIP URI, as sip:$1@10.0.0.7'),
    script: text.optional().describe('a file, as `tandem serve` takes it'),
    voicemail: text.optional().describe('a mailbox that takes a message'),
    messages: text.optional().describe('a mailbox that is listened to'),
    park: text.optional().describe('a parking lot'),
    retrieve: text.optional().describe('a parking lot that the call in `slot` is taken from'),
    conference: text.optional().describe('a conference room, by any name'),
    service: z.enum(serviceNames).optional(),
    play: prompt.optional().describe('plays, then hangs up, or goes back to the menu'),
    reject: status.optional().describe('refuses with this status'),
    remote: text.optional().describe('leaves the call to a remote controller, by this name'),
    dial: text.optional().describe('a number, as if it had been called'),
    number: text.optional().describe('what a trunk calls; default $0'),
    strip: z.int().min(0).max(32).optional().describe('digits that are taken off the front of it'),
    add: text.optional().describe('put before it'),
    slot: text.optional().describe('default $1'),
    prompt: prompt.optional().describe('what is said before a service'),
    until: z
      .string()
      .regex(/^[0-9*#]$/, 'expected a key: 0-9, "*" or "#"')
      .optional()
      .describe('the key that ends an echo'),
    reason: text.optional().describe('of a refusal'),
    answer: z.boolean().optional().describe('before a remote controller takes the call'),
    priority: z.int().min(-1000).max(1000).optional().describe('in a queue; higher is sooner'),
    timeout: milliseconds.optional().describe('ms that it rings; for a remote controller: that the call waits'),
    get onBusy() {
      return fallback.optional();
    },
    get onNoAnswer() {
      return fallback.optional();
    },
    get onUnavailable() {
      return fallback.optional();
    },
    get onKey() {
      return fallback.optional();
    },
  })
  .superRefine(checkTarget);
const fallback: z.ZodType<Target, Target> = z.lazy(() => target);

export const noTarget = 'says no target';

/** One kind, and beside it what belongs to it. */
function checkTarget(given: Target, ctx: z.RefinementCtx): void {
  const kinds = kindsOf(given);
  const [kind] = kinds;
  const say = (message: string, path: string[] = []): void => ctx.addIssue({ code: 'custom', message, path });
  if (!kind) {
    say(`${noTarget}: name one of ${Object.keys(targetKinds).join(', ')}`);
    return;
  }
  if (kinds.length > 1) say(`has ${kinds.join(' and ')}: keep one`, [kinds[1] as string]);
  const allowed: readonly string[] = targetKinds[kind];
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(targetKinds, key) || allowed.includes(key) || given[key as keyof Target] === undefined) continue;
    say(`does not go with ${kind}${allowed.length > 0 ? `, which takes ${allowed.join(', ')}` : ''}`, [key]);
  }
}

// ── Routes and menus

const patterns = texts(parsePattern);
const route = z.strictObject({
  name: text.optional().describe('for the log'),
  called: patterns.optional().describe('600, 6XX, +49*, 0(*), a name, or /expression/; default every number'),
  caller: patterns.optional().describe('who is in From'),
  trunk: z
    .union([text, z.array(text).min(1)])
    .optional()
    .describe('by which it comes: a trunk, any, or none'),
  user: z
    .union([text, z.array(text).min(1)])
    .optional()
    .describe('who calls: anyone, known (a user, or by a trunk), users, or names; default known for people and lines'),
  time: z.union([text, timeRule]).optional().describe('a time of the calendar, `not` and a time, or a rule'),
  to: target,
});

const action = z.union([z.enum(['repeat', 'back', 'end']), target], 'expected repeat, back, end, or a target');
const menu = z.strictObject({
  prompt,
  language: text.optional().describe('of its texts, as en-GB'),
  keys: z
    .record(z.string().regex(/^[0-9*#]{1,16}$/, 'a key is made of 0-9, * and #'), action)
    .describe('what each key leads to: a target, repeat, back (to the menu before), or end'),
  extensions: patterns.optional().describe('numbers that callers may dial here, as 5XXX'),
  timeout: milliseconds.default(5_000).describe('ms to wait for a key'),
  interDigitTimeout: milliseconds.default(3_000).describe('ms to wait for another digit of a longer number'),
  repeats: z.int().min(0).max(100).default(2).describe('times that it asks again'),
  invalid: prompt.default('builtin:wrong-input').describe('said after a wrong key'),
  noInput: prompt.default('builtin:no-input').describe('said when no key came'),
  end: target.default({ play: 'builtin:goodbye' }).describe('where who chooses nothing goes'),
});

export type MenuConfig = z.output<typeof menu>;
export type MenuAction = z.output<typeof action>;

export const routesSchema = z.array(route).max(10_000);
export const menusSchema = z.record(name, menu);
