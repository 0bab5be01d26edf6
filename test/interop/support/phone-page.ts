/** The softphone page as a user has it: found by what it says, and heard by what comes to its loudspeaker. */
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { resample } from '../../../media/audio/index.ts';
import { heardInPieces, wellHeard } from '../../helpers/pieces.ts';
import { root } from './process.ts';
import { prompt } from './sound.ts';

const watcher = join(root, 'test', 'interop', 'support', 'watch-page.js');
/** Hz of what `heard` gives. */
const sampleRate = 8000;
/** s */
const late = 1.5;

export class PhonePage implements AsyncDisposable {
  readonly page: Page;
  /** What the browser complained of: a violated Content-Security-Policy, an exception. */
  readonly complaints: string[] = [];
  readonly #own: BrowserContext | undefined;

  private constructor(page: Page, own: BrowserContext | undefined) {
    this.#own = own;
    this.page = page;
    page.setDefaultTimeout(15_000);
    page.on('pageerror', ({ message }) => this.complaints.push(message));
    page.on('console', (line) => {
      if (line.type() === 'error') this.complaints.push(line.text());
    });
  }

  /** A tab: of a browser that others have open too, or of one that shares nothing with others. */
  static async open(where: Browser | BrowserContext, url: string): Promise<PhonePage> {
    const own = 'newContext' in where ? await where.newContext() : undefined;
    const page = await (own ?? (where as BrowserContext)).newPage();
    await page.addInitScript({ path: watcher });
    const phone = new PhonePage(page, own);
    await phone.page.goto(url);
    return phone;
  }

  /** Resolves when the page says that it is registered. */
  static async registered(
    where: Browser | BrowserContext,
    url: string,
    user: string,
    password: string,
  ): Promise<PhonePage> {
    const phone = await PhonePage.open(where, url);
    await phone.register(user, password);
    await phone.page.getByText(`Registered as ${user}`).first().waitFor();
    return phone;
  }

  async register(user: string, password: string): Promise<void> {
    await this.page.getByLabel('User').fill(user);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Register' }).click();
  }

  async dial(number: string): Promise<void> {
    await this.page.getByLabel('Number or address').fill(number);
    await this.page.getByRole('button', { name: 'Call', exact: true }).click();
  }

  /** What is heard then is what is said, not what the browser makes of it. */
  async plainSound(): Promise<void> {
    await this.page.getByLabel('Suppress echo and noise').uncheck();
  }

  call(name: string): CallOnPage {
    return new CallOnPage(this.page.getByRole('region', { name: `Call with ${name}`, exact: true }));
  }

  /** Resolves when the page says so. */
  async warns(title: string): Promise<void> {
    await this.page.getByRole('alert').filter({ hasText: title }).waitFor();
  }

  /**
   * How well the beginning of a prompt was heard, 0 … 1. It may begin up to 1.5 s late.
   * @param from ms of what was heard that are passed over; see `heardMs`
   */
  async hears(name: string, { from = 0, seconds = 2, call = 0 } = {}): Promise<number> {
    const said = (await prompt(name)).subarray(0, seconds * sampleRate);
    await this.heardFor(from + 1000 * (seconds + late), call);
    return heardInPieces(await this.heard(call, from), said);
  }

  /**
   * Resolves when a file that is played again and again is heard well, from now on. A machine that stands still for a
   * moment spoils what is heard just then, and nothing else.
   */
  async soonHears(name: string, call = 0): Promise<void> {
    const heard = async (): Promise<number> => this.#hearsSomeOf(name, await this.heardMs(call), call);
    await expect.poll(heard, { timeout: 60_000, interval: 0 }).toBeGreaterThan(wellHeard);
  }

  /** Resolves when there is something to be heard, whatever it is. */
  async soonHearsSound(call = 0): Promise<void> {
    await expect.poll(() => this.#loudest(call), { timeout: 30_000, interval: 0 }).toBeGreaterThan(500);
  }

  /** Resolves when half a second long nothing was heard: silence came, or nothing at all. */
  async soonHearsNothing(call = 0): Promise<void> {
    await expect.poll(() => this.#loudest(call), { timeout: 20_000, interval: 0 }).toBeLessThan(100);
  }

  /** Of the next half second, 16-bit. */
  async #loudest(call: number): Promise<number> {
    const from = await this.heardMs(call);
    await this.page.waitForTimeout(500);
    return (await this.heard(call, from)).reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  }

  async #hearsSomeOf(name: string, from: number, call: number): Promise<number> {
    const said = await prompt(name);
    await this.heardFor(from + 2000, call);
    const heard = await this.heard(call, from);
    // The end of one round and the beginning of the next are heard in a row.
    const rounds = Int16Array.from({ length: said.length + sampleRate }, (_, i) => said[i % said.length] ?? 0);
    return heardInPieces(rounds, heard);
  }

  /** Of the `call`th call of the page, mono at 8 kHz: what came from `from` ms on until now. */
  async heard(call = 0, from = 0): Promise<Int16Array> {
    const base64 = await this.page.evaluate<string>(`remoteAudio.base64(${call}, ${from})`);
    const rate = await this.page.evaluate<number>(`remoteAudio.rate(${call})`);
    const bytes = Buffer.from(base64, 'base64');
    const samples = new Int16Array(bytes.length >> 1);
    for (let i = 0; i < samples.length; i++) samples[i] = bytes.readInt16LE(2 * i);
    return resample(samples, rate, sampleRate);
  }

  /** How much was heard, ms. */
  heardMs(call = 0): Promise<number> {
    return this.page.evaluate<number>(`remoteAudio.ms(${call})`);
  }

  /** Resolves when so much was heard. */
  async heardFor(ms: number, call = 0): Promise<void> {
    await expect.poll(() => this.heardMs(call), { timeout: ms + 20_000, interval: 100 }).toBeGreaterThan(ms);
  }

  /** Where the page's audio comes from now: the UDP port of its newest connection. */
  localPort(): Promise<number> {
    return this.page.evaluate<number>(`(async () => {
      const reports = await phoneConnections.at(-1).getStats();
      const transport = [...reports.values()].find(({ type }) => type === 'transport');
      const pair = reports.get(transport?.selectedCandidatePairId);
      return reports.get(pair?.localCandidateId)?.port ?? 0;
    })()`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // As a user closes a tab, in a call too: what the page does at its end is done.
    this.page.on('dialog', (dialog) => void dialog.accept());
    const closed = this.page.waitForEvent('close');
    await this.page.close({ runBeforeUnload: true });
    await closed;
    await this.#own?.close();
  }
}

/** The card of one call. */
export class CallOnPage {
  readonly card: Locator;

  constructor(card: Locator) {
    this.card = card;
  }

  async says(text: string): Promise<void> {
    await this.card.getByText(text, { exact: true }).first().waitFor();
  }

  async connected(): Promise<void> {
    await this.says('Connected');
  }

  async press(
    name: 'Answer' | 'Reject' | 'Hold' | 'Resume' | 'Mute' | 'Keypad' | 'Transfer' | 'Hang up',
  ): Promise<void> {
    await this.card.getByRole('button', { name, exact: true }).click();
  }

  /** By the keypad, which is opened. */
  async digits(digits: string): Promise<void> {
    const pad = this.card.getByRole('group', { name: 'Keypad' });
    if (!(await pad.isVisible())) await this.press('Keypad');
    for (const digit of digits) await pad.getByRole('button', { name: keyNamed(digit) }).click();
  }

  async transferTo(number: string): Promise<void> {
    await this.press('Transfer');
    await this.card.getByLabel('Transfer to').fill(number);
    await this.card.getByRole('button', { name: 'Transfer now' }).click();
  }

  async gone(): Promise<void> {
    await this.card.waitFor({ state: 'detached' });
  }
}

/** `2 ABC`, `*` */
export function keyNamed(key: string): RegExp {
  return new RegExp(`^${key === '*' ? '\\*' : key}(?: |$)`);
}
