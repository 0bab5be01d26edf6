/** `tandem bridge <first> <second>`: calls two addresses and connects them. */
import { messageOf, TandemError } from '../base/errors.ts';
import { type DialogClientSession, DialogResponseError, type EndCause, type Tandem } from '../index.ts';
import { untilInterrupted } from './interrupt.ts';
import { inviteOptions, type OutgoingOptions, openOutgoing } from './outgoing.ts';

export interface BridgeCommandOptions extends OutgoingOptions {
  readonly record?: string;
  readonly transcode?: boolean;
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** @returns 0 when both were connected and one has hung up. */
export async function bridge(first: string, second: string, options: BridgeCommandOptions): Promise<number> {
  const interrupted = untilInterrupted();
  let tandem: Tandem | undefined;
  try {
    tandem = await openOutgoing([first, second], options);
    await connect(tandem, first, second, options, interrupted.signal);
    return 0;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    say('given up');
    return 1;
  } finally {
    await tandem?.close();
    interrupted.close();
  }
}

async function connect(
  tandem: Tandem,
  first: string,
  second: string,
  options: BridgeCommandOptions,
  signal: AbortSignal,
): Promise<void> {
  const invite = inviteOptions(options);
  const report = (name: string) => ({
    signal,
    onResponse: ({ status, reason }: { status: number; reason: string }) => say(`${name}: ${status} ${reason}`),
  });

  say(`first: calling ${first}`);
  const a = await tandem.invite(first, { ...invite, ...report('first') }).catch((error) => {
    throw named('first', error);
  });
  say(`first: answered (${a.media.audio?.codec.name ?? 'no audio'})`);
  await using recording = options.record === undefined ? undefined : a.recording(options.record);

  say(`second: calling ${second}`);
  const { transcode = false } = options;
  const b = await tandem.newDialog(second, { ...invite, originator: a, call: a, transcode });
  try {
    await ringSecond(a, b, transcode, report('second'));
    say(`second: answered (${b.media.audio?.codec.name ?? 'no audio'})`);
    const joined = await tandem.bridge(a, b, { transcode });
    say('bridged');
    const stop = (): void => joined.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const { session, cause } = await joined.ended;
    signal.removeEventListener('abort', stop);
    say(cause ? `${session === a ? 'first' : 'second'}: hung up${causeText(cause)}` : 'interrupted');
    await Promise.all([a.hangup(), b.hangup()]);
  } catch (error) {
    // What the second leg was told is what the first is told.
    await Promise.all([a.terminate(causeOf(error)), b.close()]);
    throw a.signal.aborted && error === a.signal.reason ? named('first', error) : named('second', error);
  } finally {
    await recording?.close();
  }
}

/** The first hears ringback while the second rings, or the second's own early media. */
async function ringSecond(
  a: DialogClientSession,
  b: DialogClientSession,
  transcode: boolean,
  report: {
    readonly signal: AbortSignal;
    readonly onResponse: (response: { status: number; reason: string }) => void;
  },
): Promise<void> {
  let stopTone: (() => void) | undefined;
  const quiet = (): void => {
    stopTone?.();
    stopTone = undefined;
  };
  try {
    const progress = await b.invite({
      earlyMedia: true,
      signal: AbortSignal.any([report.signal, a.signal]),
      onResponse: (response) => {
        report.onResponse(response);
        const rings = response.status > 100 && response.status < 200;
        if (rings && b.media.audio === undefined) stopTone ??= a.ringtone().playBackground();
      },
    });
    if (progress === 'early') {
      quiet();
      a.setEarlyBridge(b.bridgeEarly(a, transcode));
      await b.waitAnswer();
    }
    await b.ack();
  } finally {
    quiet();
    a.setEarlyBridge(undefined);
  }
}

function named(name: string, error: unknown): unknown {
  if (!(error instanceof TandemError)) return error;
  return new TandemError(error.code, `${name}: ${messageOf(error)}`, { cause: error });
}

/** What the first leg's BYE gives as Reason (RFC 3326): why the second did not come about. */
function causeOf(error: unknown): EndCause {
  if (!(error instanceof DialogResponseError)) return { by: 'local', reason: messageOf(error) };
  return { by: 'local', status: error.status, reason: error.reason };
}

function causeText({ by, reason }: EndCause): string {
  return by === 'remote' && !reason ? '' : ` (${by}${reason ? `: ${reason}` : ''})`;
}
