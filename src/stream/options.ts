/** How a script asks for a media stream. */
import { AsteriskDialect, type AsteriskOptions } from './asterisk.ts';
import type { StreamDialect, StreamFacts } from './dialect.ts';
import { TwilioDialect } from './twilio.ts';

export interface StreamOptions extends AsteriskOptions {
  /** How it speaks: as Twilio's Media Streams (default), or as Asterisk's chan_websocket. */
  readonly dialect?: 'twilio' | 'asterisk';
  /** Told at the start (`customParameters`, `channel_variables`). */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Of the HTTP request, such as Authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** ms to connect; default 10,000. */
  readonly timeout?: number;
}

export function dialectOf({ dialect = 'twilio', format, control }: StreamOptions, facts: StreamFacts): StreamDialect {
  if (dialect === 'twilio') return new TwilioDialect(facts);
  return new AsteriskDialect(facts, { ...(format ? { format } : {}), ...(control ? { control } : {}) });
}
