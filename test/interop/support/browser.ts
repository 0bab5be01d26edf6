/** Chromium, headless, with a microphone that says a WAV file. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { programOf } from '../../../scripts/peers.ts';

export interface BrowserOptions {
  /** WAV file, again and again; default: the beeps of Chromium. */
  readonly says?: string;
  /** `asked`: the user would be asked; see `refuseMicrophone`. */
  readonly microphone?: 'given' | 'asked' | 'absent';
}

export async function launchBrowser({ says, microphone = 'given' }: BrowserOptions = {}): Promise<Browser> {
  const microphones = {
    given: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
    asked: ['--use-fake-device-for-media-stream'],
    absent: ['--use-fake-ui-for-media-stream'],
  };
  return chromium.launch({
    executablePath: executable(),
    args: [
      '--no-sandbox',
      '--autoplay-policy=no-user-gesture-required',
      ...microphones[microphone],
      ...(says === undefined ? [] : [`--use-file-for-fake-audio-capture=${says}`]),
    ],
    // So that what is left of it is found.
    env: { ...defined(process.env), INTEROP_TEST: String(process.pid) },
  });
}

/** As a user does who presses Block. */
export async function refuseMicrophone(page: Page): Promise<void> {
  const [own, browser] = [await page.context().newCDPSession(page), page.context().browser()];
  const { targetInfo } = await own.send('Target.getTargetInfo');
  const session = await browser!.newBrowserCDPSession();
  const { browserContextId } = targetInfo as { readonly browserContextId?: string };
  await session.send('Browser.setPermission', {
    permission: { name: 'microphone' },
    setting: 'denied',
    ...(browserContextId === undefined ? {} : { browserContextId }),
  });
  await session.detach();
}

function executable(): string {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const file = folders.map((folder) => join(folder, programOf('chromium'))).find((path) => existsSync(path));
  if (file === undefined) throw new Error('no chromium on the PATH');
  return file;
}

function defined(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => !!entry[1]));
}
