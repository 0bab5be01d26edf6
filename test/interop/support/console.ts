/** The console in Chromium, against a server that makes up what it shows. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, onTestFinished } from 'vitest';
import { type FakeOptions, FakeServer } from '../../console/fake-server.ts';
import { launchBrowser } from './browser.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface Opened {
  readonly fake: FakeServer;
  readonly url: string;
  readonly page: Page;
}

export interface Look {
  readonly width?: number;
  readonly theme?: 'light' | 'dark';
}

export type OpenConsole = (options: FakeOptions, look?: Look) => Promise<Opened>;

/**
 * A browser for all tests of a file. What went wrong in any page fails its test: errors, and requests that left the server.
 * @returns opens the console, until the end of the test
 */
export function consoleInBrowser(): OpenConsole {
  let browser: Browser;
  const complaints: string[] = [];
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });
  return (options, look) => open(browser, complaints, options, look);
}

async function open(
  browser: Browser,
  complaints: string[],
  options: FakeOptions,
  { width = 1_280, theme = 'light' }: Look = {},
): Promise<Opened> {
  const fake = new FakeServer(options);
  const url = await fake.open();
  const page = await browser.newPage({
    viewport: { width, height: 900 },
    colorScheme: theme,
    reducedMotion: 'reduce',
  });
  onTestFinished(async () => {
    await page.close();
    await fake.close();
  });
  page.on('pageerror', (error) => complaints.push(`${error.name}: ${error.message}`));
  page.on('console', (message) => {
    // A refused login and a lost connection are said by the browser itself.
    if (message.type() === 'error' && !/401|WebSocket|ERR_CONNECTION/.test(message.text()))
      complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== new URL(url).origin)
      complaints.push(`asks ${request.url()}`);
  });
  await page.goto(url);
  return { fake, url, page };
}

/** @returns what is serious or critical, with where it is. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  // Not as a script of the page, which its policy would refuse.
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string }[];
    }
    const { violations } = await axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  });
}

export async function wideness(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { scrollingElement } = (globalThis as unknown as { document: { scrollingElement: { scrollWidth: number } } })
      .document;
    return scrollingElement.scrollWidth;
  });
}
