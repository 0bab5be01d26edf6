/**
 * Takes the pictures of the pages that are in docs/screenshots/: `npm run build:pages && node scripts/screenshots.ts`.
 * The calls are made up and the clock stands still, so that a picture changes only when the page does.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { callHref } from '../src/console/web/console/route.ts';
import { FakeServer } from '../test/console/fake-server.ts';
import { PhoneServer } from './phone-pictures.ts';

const folder = fileURLToPath(new URL('../docs/screenshots/', import.meta.url));
const now = Date.UTC(2026, 0, 15, 10, 30, 0);
const widths = [360, 768, 1_440] as const;
const themes = ['light', 'dark'] as const;
const heights = { 360: 780, 768: 1_024, 1440: 900 } as const;
/** bytes */
const mostEach = 60_000;
const mostInAll = 1_500_000;

interface Picture {
  readonly name: string;
  readonly calls: number;
  readonly login?: boolean;
  readonly path?: (fake: FakeServer) => string;
  readonly prepare?: (page: Page) => Promise<void>;
}

const pictures: readonly Picture[] = [
  ...[0, 3, 500].map((calls) => ({ name: `calls-${calls}`, calls })),
  {
    name: 'call',
    calls: 3,
    path: (fake) => callHref(fake.calls[0]?.id ?? ''),
    prepare: (page) => page.locator('.ladder-message').first().waitFor(),
  },
  {
    name: 'ladder',
    calls: 3,
    path: (fake) => callHref(fake.calls[0]?.id ?? ''),
    prepare: async (page) => {
      await page.locator('.ladder-message').first().waitFor();
      // On narrow screens the message would cover the ladder.
      if ((page.viewportSize()?.width ?? 0) > 1_100) await page.locator('.ladder-message').nth(3).click();
      await page.mouse.move(0, 0);
      await page.evaluate("document.querySelector('#ladder').scrollIntoView(); scrollBy(0, -110)");
    },
  },
  {
    name: 'finished',
    calls: 500,
    path: () => '#/finished',
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Listen' }).first().click();
      await page.getByText('/ 0:').waitFor();
      await page.mouse.move(0, 0);
    },
  },
  { name: 'registrations', calls: 500, path: () => '#/registrations' },
  { name: 'login', calls: 0, login: true },
  { name: 'phone', calls: 0, path: () => 'phone' },
];

async function take(browser: Browser, picture: Picture): Promise<number> {
  const { name, calls, login = false, path, prepare } = picture;
  const fake = new FakeServer({ calls, login, now });
  const url = await fake.open();
  let bytes = 0;
  for (const width of widths)
    for (const theme of themes) {
      const page = await browser.newPage({
        viewport: { width, height: heights[width] },
        colorScheme: theme,
        reducedMotion: 'reduce',
        timezoneId: 'UTC',
        locale: 'en-GB',
      });
      await page.clock.setFixedTime(now);
      await page.goto(url + (path?.(fake) ?? ''), { waitUntil: 'networkidle' });
      await prepare?.(page);
      bytes += await save(page, `${name}-${width}-${theme}.webp`);
      await page.close();
    }
  await fake.close();
  return bytes;
}

/** The clock stands still here from the beginning, or the page would show how long the pictures took. */
async function takePhone(browser: Browser): Promise<number> {
  await using server = await PhoneServer.start();
  const page = await server.busyPhone(browser, now);
  let bytes = 0;
  for (const width of widths)
    for (const theme of themes) {
      await page.setViewportSize({ width, height: heights[width] });
      await page.emulateMedia({ colorScheme: theme });
      await page.locator(`:root[data-theme="${theme}"]`).waitFor();
      // Until it is drawn so.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      bytes += await save(page, `phone-calls-${width}-${theme}.webp`);
    }
  return bytes;
}

/** Text stays legible at the lower qualities too; pictures that are full of it need them. */
async function save(page: Page, name: string): Promise<number> {
  const chrome = await page.context().newCDPSession(page);
  for (const quality of [55, 40, 30]) {
    const { data } = await chrome.send('Page.captureScreenshot', { format: 'webp', quality });
    const file = Buffer.from(data, 'base64');
    if (file.length > mostEach) continue;
    writeFileSync(join(folder, name), file);
    return file.length;
  }
  throw new Error(`${name} has more than ${mostEach} bytes`);
}

for (const name of existsSync(folder) ? readdirSync(folder) : [])
  if (name.endsWith('.webp')) rmSync(join(folder, name));
mkdirSync(folder, { recursive: true });
const args = ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
let sum = 0;
try {
  for (const picture of pictures) sum += await take(browser, picture);
  sum += await takePhone(browser);
} finally {
  await browser.close();
}
if (sum > mostInAll) throw new Error(`the pictures have ${sum} bytes, more than ${mostInAll}`);
console.log(`${(pictures.length + 1) * widths.length * themes.length} pictures, ${Math.round(sum / 1_000)} kB`);
