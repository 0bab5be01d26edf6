/**
 * For vitest, without importing it: a fixture that gives each test a lab and checks what it leaves behind, and
 * matchers.
 *
 *     const test = base.extend(labFixture({ sounds: 'prompts' }));
 *     expect.extend(labMatchers);
 *
 *     test('welcomes', async ({ lab }) => {
 *       await lab.serve(ivr);
 *       const alice = lab.phone('alice');
 *       await alice.dial('1000');
 *       await expect(alice).toHear('welcome.wav');
 *     });
 */
import { messageOf } from '../base/errors.ts';
import { LabError } from './errors.ts';
import { Lab, type LabOptions } from './lab.ts';
import type { HearsOptions, WaitOptions } from './phone/listener.ts';
import type { Phone } from './phone/phone.ts';
import type { SipText } from './phone/sip-text.ts';

/** What the fixture uses of vitest's test context. */
interface TestContext {
  readonly task: {
    readonly meta: object;
    readonly result?: { readonly state?: string; readonly errors?: { message: string }[] };
  };
  readonly onTestFailed: (hook: (context: TestContext) => void) => void;
}

export interface LabFixture {
  readonly lab: Lab;
}

/** What reporters find in `task.meta.tandem`. */
export interface LabMeta {
  readonly seed: number | string;
  /** How much time passed in the test, ms. */
  readonly virtualMs: number;
}

/**
 * For `test.extend`. A test that fails shows the time line, whatever the expectation was; one that passes fails
 * after all if it leaves something open.
 */
export function labFixture(options: LabOptions = {}): {
  readonly lab: (context: TestContext, use: (lab: Lab) => Promise<void>) => Promise<void>;
} {
  return {
    lab: async ({ task, onTestFailed }, use) => {
      const lab = new Lab(options);
      onTestFailed((context) => {
        for (const error of context.task.result?.errors ?? [])
          if (!error.message.includes(lab.timeLine.head)) error.message += `\n\n${lab.timeLine.toString({ last: 60 })}`;
      });
      await use(lab);
      Object.assign(task.meta, { tandem: { seed: lab.seed, virtualMs: lab.clock.now() } satisfies LabMeta });
      if (task.result?.state === 'fail') await lab.close().catch(() => {});
      else await lab.close();
    },
  };
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

interface MatcherState {
  readonly isNot?: boolean;
}

/**
 * The types of `labMatchers`, for a file of your own:
 *
 *     declare module 'vitest' {
 *       interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends LabMatchers {}
 *     }
 */
export interface LabMatchers {
  /** See `Phone.hears`. */
  toHear(sound: string | URL | Int16Array, options?: HearsOptions): Promise<void>;
  /** See `Phone.hearsTone`. */
  toHearTone(frequency: number | readonly number[], options?: WaitOptions & { readonly ms?: number }): Promise<void>;
  /** See `Phone.hearsSilence`. */
  toHearSilence(ms?: number, options?: WaitOptions): Promise<void>;
  /** See `Phone.hearsDigits`. */
  toHearDigits(digits: string, options?: WaitOptions): Promise<void>;
  /** See `Phone.receives`. */
  toReceive(what: string | number | ((message: SipText) => boolean), options?: WaitOptions): Promise<void>;
}

export const labMatchers = {
  toHear(this: MatcherState, phone: Phone, sound: string | URL | Int16Array, options?: HearsOptions) {
    return judge(this, phone, `hear ${labelOf(sound)}`, () => phone.hears(sound, options));
  },
  toHearTone(
    this: MatcherState,
    phone: Phone,
    frequency: number | readonly number[],
    options?: WaitOptions & { readonly ms?: number },
  ) {
    return judge(this, phone, `hear a tone of ${String(frequency)} Hz`, () => phone.hearsTone(frequency, options));
  },
  toHearSilence(this: MatcherState, phone: Phone, ms?: number, options?: WaitOptions) {
    return judge(this, phone, 'hear silence', () => phone.hearsSilence(ms, options));
  },
  toHearDigits(this: MatcherState, phone: Phone, digits: string, options?: WaitOptions) {
    return judge(this, phone, `hear the digits ${digits}`, () => phone.hearsDigits(digits, options));
  },
  toReceive(
    this: MatcherState,
    phone: Phone,
    what: string | number | ((message: SipText) => boolean),
    options?: WaitOptions,
  ) {
    const name = typeof what === 'function' ? 'the message' : String(what);
    return judge(this, phone, `receive ${name}`, () => phone.receives(what, options));
  },
};

async function judge(
  { isNot = false }: MatcherState,
  phone: Phone,
  what: string,
  expectation: () => Promise<unknown>,
): Promise<MatcherResult> {
  try {
    await expectation();
    return { pass: true, message: () => phone.failure(`${phone.name} was not to ${what}`).message };
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    if (isNot) phone.pardon(error);
    return { pass: false, message: () => messageOf(error) };
  }
}

function labelOf(sound: string | URL | Int16Array): string {
  return sound instanceof Int16Array ? 'the samples' : String(sound);
}
