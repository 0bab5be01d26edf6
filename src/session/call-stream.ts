/** The audio of a call over a WebSocket: what the stream is told of the call, and may do to it. */
import type { Logger } from '../base/log.ts';
import { token } from '../base/random.ts';
import { MediaStream } from '../stream/media-stream.ts';
import { dialectOf, type StreamOptions } from '../stream/options.ts';
import type { DialogSession } from './dialog-session.ts';
import type { SessionContext } from './session-context.ts';

/** How long a media stream may take to connect, ms. */
const streamTimeoutMs = 10_000;

/** See `DialogSession.stream`. */
export function streamCall(
  session: DialogSession,
  { random, clock, webSockets }: SessionContext,
  logger: Logger,
  url: string,
  options: StreamOptions,
): Promise<MediaStream> {
  const { parameters = {}, headers = {}, timeout = streamTimeoutMs } = options;
  const facts = {
    id: token(random, 16),
    callId: session.callId,
    from: session.fromUser ?? '',
    to: session.toUser ?? '',
    parameters,
  };
  const call = {
    reader: (sampleRate: number) => session.audioReader({ sampleRate }),
    writer: (sampleRate: number) => session.audioWriter({ sampleRate }),
    digits: () => session.dtmf(),
    hangup: () => session.hangup(),
    signal: session.signal,
  };
  const ports = { webSockets, clock, logger };
  return MediaStream.connect(url, call, dialectOf(options, facts), ports, { headers, timeout });
}
