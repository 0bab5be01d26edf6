/** Calls that are connected from outside of them: third-party call control (RFC 3725). */
import type { Media } from '../../media/index.ts';
import type { HeaderField } from '../sip/message.ts';
import { bridgeTwo } from './bridge.ts';
import type { DialogClientSession, InviteOptions } from './dialog-client-session.ts';
import type { DialogSession } from './dialog-session.ts';

export interface ThirdPartyContext {
  readonly media: Media;
  /** Makes an outgoing leg. */
  leg(target: string, options: InviteOptions): DialogClientSession;
  background(work: Promise<unknown>): void;
}

/** How long somebody may ring, ms. */
const ringMs = 60_000;

/**
 * Gives a call another partner: the one it has is hung up when the new one has answered.
 * @throws what the call to `to` throws; all is as it was then
 */
export async function reconnect(
  context: ThirdPartyContext,
  session: DialogSession,
  to: string,
  headers: readonly HeaderField[],
): Promise<void> {
  const { bridge } = session;
  const partner = bridge?.partnerOf(session);
  const leg = context.leg(to, {
    call: session,
    originator: session,
    timeout: ringMs,
    transcode: bridge?.transcodes ?? true,
    headers,
    signal: session.signal,
  });
  let isUsed = false;
  try {
    await leg.invite();
    await leg.ack();
    if (partner) {
      await bridge?.admit(partner, leg);
      await partner.takeOver(leg)();
      return;
    }
    await bridgeTwo(context.media, session, leg, { transcode: true });
    isUsed = true;
    // Nobody else owns it: it lives as long as the call that it is for.
    context.background(session.ended.then(() => leg.close()));
  } finally {
    if (!isUsed) await leg.close();
  }
}

/** Calls `from`, asks it to call `to` (REFER), and hangs up when that is decided. @throws as `invite` and `refer` */
export async function bridgeBySip(
  context: ThirdPartyContext,
  from: string,
  to: string,
  how: Pick<InviteOptions, 'from' | 'proxy'>,
): Promise<void> {
  const leg = context.leg(from, { timeout: ringMs, ...how });
  try {
    await leg.invite();
    await leg.ack();
    await leg.refer(to);
  } finally {
    await leg.close();
  }
}

/** Calls both and connects them, until one hangs up. @throws as `invite` */
export async function bridgeHere(
  context: ThirdPartyContext,
  from: string,
  to: string,
  how: Pick<InviteOptions, 'from' | 'proxy'>,
): Promise<void> {
  const a = context.leg(from, { timeout: ringMs, ...how });
  try {
    await a.invite();
    await a.ack();
    const b = context.leg(to, { call: a, originator: a, timeout: ringMs, transcode: true, signal: a.signal, ...how });
    try {
      await b.invite();
      await b.ack();
      const bridge = await bridgeTwo(context.media, a, b, { transcode: true });
      context.background(bridge.ended.then(() => Promise.all([a.close(), b.close()])));
    } catch (error) {
      await b.close();
      throw error;
    }
  } catch (error) {
    await a.close();
    throw error;
  }
}
