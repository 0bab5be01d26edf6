/** For the pictures of the softphone: a real server, and two pages that call each other and stand still then. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';

const command = fileURLToPath(new URL('../bin/tandem.js', import.meta.url));
const [http, ws] = ['127.0.0.1:28980', '127.0.0.1:28966'];

export class PhoneServer implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #password: string;

  private constructor(process: ChildProcess, password: string) {
    this.#process = process;
    this.#password = password;
  }

  static async start(): Promise<PhoneServer> {
    const own = ['--http', http, '--listen', `ws:${ws}`, '--rtp-ports', '21000-21199', '--control', 'none'];
    const args = [command, 'ivr', '--demo', ...own, '--store', 'none', '--recovery', 'none'];
    const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let printed = '';
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
    while (!/softphone/.test(printed)) await once(server.stdout, 'data');
    return new PhoneServer(server, /password (\S+)/.exec(printed)?.[1] ?? '');
  }

  /** 5001, who has 5002 on hold, while 5003 is calling. @param now where its clock stands still, Unix ms */
  async busyPhone(browser: Browser, now: number): Promise<Page> {
    const [first, second, third] = [await this.#phone(browser), await this.#phone(browser), await this.#phone(browser)];
    await first.clock.setFixedTime(now);
    await Promise.all([first, second, third].map((page, i) => this.#register(page, `500${i + 1}`)));
    await call(first, '5009');
    await first.getByRole('button', { name: 'Close this message' }).click();
    await call(first, '5002');
    await second.getByRole('button', { name: 'Answer' }).click();
    await first.getByRole('button', { name: 'Hold' }).click();
    await first.getByText('On hold').waitFor();
    await call(third, '5001');
    await first.getByRole('button', { name: 'Answer' }).waitFor();
    await first.mouse.move(0, 0);
    return first;
  }

  async #phone(browser: Browser): Promise<Page> {
    const context = await browser.newContext({ reducedMotion: 'reduce', timezoneId: 'UTC', locale: 'en-GB' });
    const page = await context.newPage();
    await page.goto(`http://${http}/phone`);
    return page;
  }

  async #register(page: Page, user: string): Promise<void> {
    await page.getByLabel('User').fill(user);
    await page.getByLabel('Password').fill(this.#password);
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByText(`Registered as ${user}`).first().waitFor();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill();
    await once(this.#process, 'close');
  }
}

async function call(page: Page, number: string): Promise<void> {
  await page.getByLabel('Number or address').fill(number);
  await page.getByRole('button', { name: 'Call', exact: true }).click();
}
