/** What a test asks of the SIP messages on the wire, as the time line has them. */
import { expect } from 'vitest';
import { type Lab, LabError, type Phone } from '../../../src/testing/index.ts';

/** `0 INVITE`, `1 200 INVITE`, …: what one host sent, with the milliseconds at which it did. */
export function sent(lab: Lab, who: string): string[] {
  return lab.timeLine
    .entries()
    .filter((entry) => entry.kind === 'sip' && entry.who === who)
    .map(({ at, detail = '' }) => `${at} ${whatIs(detail)}`);
}

/** When `who` sent that: `INVITE`, `200 INVITE`; in milliseconds. */
export function times(lab: Lab, who: string, what: string): number[] {
  return sent(lab, who)
    .filter((line) => line.endsWith(` ${what}`) && line.split(' ').length === what.split(' ').length + 1)
    .map((line) => Number(line.split(' ')[0]));
}

/** Every message, in order: `alice INVITE`, `bob 200 INVITE`. */
export function ladder(lab: Lab): string[] {
  return lab.timeLine
    .entries()
    .filter(({ kind }) => kind === 'sip')
    .map(({ who, detail = '' }) => `${who} ${whatIs(detail)}`);
}

function whatIs(message: string): string {
  const status = /^SIP\/2\.0 (\d{3})/.exec(message)?.[1];
  const method = status ? /^CSeq: \d+ (\S+)/im.exec(message)?.[1] : message.split(' ')[0];
  return [status, method].filter(Boolean).join(' ');
}

/** For a script that has to wait. */
export function pause(lab: Lab, ms: number): Promise<void> {
  return new Promise((resolve) => void lab.clock.setTimer(ms, resolve));
}

/** Half a minute after the last word the phones have no timer left, whatever they did before. */
export async function expectNoTimers(lab: Lab): Promise<void> {
  await lab.advance(65_000);
  expect(lab.clock.pendingTimers()).toEqual([]);
}

/** The first line of the error that a phone throws, which is expected: the lab goes on looking for what is left behind. */
export async function complaint(phone: Phone, act: () => unknown): Promise<string> {
  return (await failure(phone, act)).split('\n')[0] as string;
}

/** The whole of it, with what was heard and the time line. */
export async function failure(phone: Phone, act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    phone.pardon(error);
    return error.message;
  }
  throw new Error(`${phone.name} did not complain`);
}
