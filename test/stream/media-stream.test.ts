/** The audio of a call over a WebSocket: a bot in memory, phones of the lab, and one real connection. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe } from 'vitest';
import { WebSocketServer } from 'ws';
import { compressG711, expandG711 } from '../../media/index.ts';
import { nodeWebSockets } from '../../src/base/node-websocket.ts';
import type { MediaStream, MediaStreamEnd, StreamOptions } from '../../src/index.ts';
import type { Lab, Phone } from '../../src/testing/index.ts';
import { expect, test } from '../helpers/lab.ts';
import { Bot, type Told } from './bot.ts';

const url = 'wss://bot.example.com/stream';

/** A tone of 8 kHz samples. */
function tone(hz: number, ms: number, rate = 8000): Int16Array {
  return Int16Array.from({ length: (rate * ms) / 1000 }, (_, n) =>
    Math.round(8000 * Math.sin((2 * Math.PI * hz * n) / rate)),
  );
}

const speech = (hz: number, ms: number): string => Buffer.from(compressG711('mu', tone(hz, ms))).toString('base64');

interface Streamed {
  readonly alice: Phone;
  readonly stream: MediaStream;
  /** How the handler's stream ended. */
  readonly end: () => MediaStreamEnd | undefined;
}

/** A call whose audio goes to the bot. */
async function streamed(lab: Lab, bot: Bot, options: StreamOptions = {}): Promise<Streamed> {
  let stream: MediaStream | undefined;
  let end: MediaStreamEnd | undefined;
  await lab.serve(
    async (call) => {
      await call.answer();
      stream = await call.stream(url, options);
      end = await stream.ended;
      await call.ended;
    },
    { webSockets: bot },
  );
  const alice = lab.phone('alice');
  await alice.dial('1000');
  await lab.until(() => stream !== undefined);
  return { alice, stream: stream as MediaStream, end: () => end };
}

describe("in Twilio's dialect", () => {
  test('says what it is, then what the caller says, 20 ms in each message', async ({ lab }) => {
    const bot = new Bot();
    const { alice } = await streamed(lab, bot, {
      parameters: { language: 'en' },
      headers: { authorization: 'Bearer x' },
    });
    expect([bot.urls, bot.options?.headers]).toEqual([[url], { authorization: 'Bearer x' }]);
    await alice.say(tone(440, 400));
    const [connected, start] = bot.told as [Told, Told];
    expect(connected).toEqual({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    expect(start).toMatchObject({
      event: 'start',
      sequenceNumber: '1',
      start: {
        tracks: ['inbound'],
        customParameters: { language: 'en', from: 'alice', to: '1000' },
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
      },
    });
    expect(start.streamSid).toMatch(/^MZ[0-9a-f]{32}$/);
    const media = bot.of('media');
    expect(media.map(({ media }) => Number(media.chunk))).toEqual(media.map((_, n) => n + 1));
    expect(media.map(({ sequenceNumber }) => Number(sequenceNumber))).toEqual(media.map((_, n) => n + 2));
    const heard = Buffer.concat(media.map(({ media }) => Buffer.from(media.payload, 'base64')));
    expect(heard.length).toBe(media.length * 160);
    expect(loudness(expandG711('mu', heard))).toBeGreaterThan(1000);
  });

  test('plays what the bot says, and answers each mark when it has been played', async ({ lab }) => {
    const bot = new Bot();
    const { alice } = await streamed(lab, bot);
    const { streamSid } = bot.latest('start');
    const said = lab.clock.now();
    const marked = new Map<string, number>();
    bot.onMessage = (message) => {
      const { event, mark } = JSON.parse(String(message));
      if (event === 'mark') marked.set(mark.name, lab.clock.now() - said);
    };
    bot.say({ event: 'media', streamSid, media: { payload: speech(600, 1000) } });
    bot.say({ event: 'mark', streamSid, mark: { name: 'first' } });
    bot.say({ event: 'media', streamSid, media: { payload: speech(900, 500) } });
    bot.say({ event: 'mark', streamSid, mark: { name: 'second' } });
    await alice.hearsTone(600, { ms: 900 });
    await alice.hearsTone(900, { ms: 400 });
    await lab.until(() => marked.has('second'));
    expect(Math.abs((marked.get('first') ?? 0) - 1000)).toBeLessThanOrEqual(60);
    expect(Math.abs((marked.get('second') ?? 0) - 1500)).toBeLessThanOrEqual(60);
    // Of nothing, at once.
    bot.say({ event: 'mark', streamSid, mark: { name: 'third' } });
    await lab.until(() => marked.has('third'));
  });

  test('is silent within 40 ms of a clear, which answers the marks that were in the queue', async ({ lab }) => {
    const bot = new Bot();
    const { alice } = await streamed(lab, bot);
    const { streamSid } = bot.latest('start');
    bot.say({ event: 'media', streamSid, media: { payload: speech(600, 20_000) } });
    bot.say({ event: 'mark', streamSid, mark: { name: 'never heard' } });
    await alice.hearsTone(600, { ms: 1000 });
    expect(bot.of('mark')).toEqual([]);
    const cleared = lab.clock.now();
    bot.say({ event: 'clear', streamSid });
    expect(bot.latest('mark')).toMatchObject({ mark: { name: 'never heard' } });
    await lab.advance(2000);
    expect(loudUntil(alice) - cleared).toBeLessThanOrEqual(40);
    bot.say({ event: 'media', streamSid, media: { payload: speech(900, 500) } });
    await alice.hearsTone(900, { ms: 400 });
  });

  test('tells the keys, and the end of the call', async ({ lab }) => {
    const bot = new Bot();
    const { alice, end } = await streamed(lab, bot);
    await alice.press('5#');
    expect(bot.of('dtmf').map(({ dtmf }) => dtmf.digit)).toEqual(['5', '#']);
    await alice.hangup();
    await lab.until(() => end() !== undefined);
    expect(bot.told.at(-1)).toMatchObject({ event: 'stop' });
    expect([bot.closedWith, end()]).toEqual([1000, { by: 'call', code: 1000 }]);
  });

  test.for([
    ['goes', 1000, undefined, 'remote'],
    ['breaks', 1006, new Error('reset'), 'error'],
    ['is killed', 1006, undefined, 'error'],
  ] as const)('leaves the call up when the bot %s', async ([, code, error, by], { lab }) => {
    const bot = new Bot();
    const { alice, end } = await streamed(lab, bot);
    bot.leave(code, error);
    await lab.until(() => end() !== undefined);
    expect(end()).toMatchObject({ by, code, ...(by === 'error' ? { error: { code: 'ERR_STREAM' } } : {}) });
    await lab.advance(1000);
    expect(alice.call?.state).toBe('up');
    await alice.hangup();
  });

  test('takes no notice of what is nonsense, or meant for another stream', async ({ lab }) => {
    const bot = new Bot();
    const { alice, end } = await streamed(lab, bot);
    for (const message of [
      '',
      'hello',
      '[]',
      'null',
      '{"event":7}',
      '{"event":"media"}',
      '{"event":"media","media":{"payload":7}}',
      '{"event":"media","media":{"payload":"***"}}',
      '{"event":"mark","mark":{}}',
      '{"event":"clear","streamSid":"MZother"}',
      '{"__proto__":{"event":"clear"}}',
      new Uint8Array([0, 1, 2]),
    ])
      bot.say(message);
    bot.say({ event: 'media', media: { payload: speech(600, 500) } });
    await alice.hearsTone(600, { ms: 400 });
    expect(end()).toBeUndefined();
  });

  test('ends when it is sent more than anybody would listen to', async ({ lab }) => {
    const bot = new Bot();
    const { end } = await streamed(lab, bot);
    const minute = speech(600, 60_000);
    for (let n = 0; n < 12; n++) bot.say({ event: 'media', media: { payload: minute } });
    await lab.until(() => end() !== undefined);
    expect(end()).toMatchObject({ by: 'error', code: 1011, error: { code: 'ERR_STREAM' } });
  });

  test('drops what the caller says while the bot does not read', async ({ lab }) => {
    const bot = new Bot();
    const { stream } = await streamed(lab, bot);
    await lab.advance(200);
    const before = bot.of('media').length;
    bot.buffered = 1_000_000;
    await lab.advance(200);
    expect([bot.of('media').length, stream.dropped]).toEqual([before, 10]);
    bot.buffered = 0;
    await lab.advance(200);
    expect(bot.of('media').length).toBe(before + 10);
  });
});

describe("in the dialect of Asterisk's chan_websocket", () => {
  const bytesOf = (samples: Int16Array): Uint8Array => new Uint8Array(samples.buffer);

  test('sends and takes audio in binary messages, and understands its words', async ({ lab }) => {
    const bot = new Bot();
    const { alice } = await streamed(lab, bot, { dialect: 'asterisk', format: 'slin16' });
    expect(bot.options?.protocols).toEqual(['media']);
    expect(bot.messages[0]).toMatch(
      /^MEDIA_START connection_id:[0-9a-f]{32} channel:WebSocket\/[0-9a-f]{32} channel_id:[0-9a-f]{32} format:slin16 optimal_frame_size:640 ptime:20$/,
    );
    await lab.advance(100);
    expect(bot.messages[1]).toHaveLength(640);
    bot.say('START_MEDIA_BUFFERING');
    const audio = bytesOf(tone(600, 1000, 16_000));
    // Cut in the middle of a sample.
    bot.say(audio.slice(0, 10_001));
    bot.say(audio.slice(10_001));
    bot.say('STOP_MEDIA_BUFFERING last');
    bot.say('MARK_MEDIA');
    bot.say('REPORT_QUEUE_DRAINED');
    bot.say('GET_STATUS');
    const texts = (): readonly unknown[] => bot.messages.slice(1).filter((message) => typeof message === 'string');
    expect(texts()).toEqual([
      expect.stringMatching(
        /^STATUS queue_length:50 xon_level:800 xoff_level:900 queue_full:false bulk_media:false media_paused:false$/,
      ),
    ]);
    await alice.hearsTone(600, { ms: 900 });
    await lab.advance(300);
    expect(texts().slice(1)).toEqual([
      'MEDIA_BUFFERING_COMPLETED correlation_id:last',
      'MEDIA_MARK_PROCESSED',
      'QUEUE_DRAINED',
    ]);
    await alice.press('7');
    expect(texts().at(-1)).toBe('DTMF_END digit:7');
  });

  test('pauses, goes on, flushes and hangs up, asked in JSON as well', async ({ lab }) => {
    const bot = new Bot();
    const { alice } = await streamed(lab, bot, { dialect: 'asterisk', control: 'json', parameters: { tenant: '7' } });
    expect(bot.latest('MEDIA_START')).toMatchObject({
      format: 'ulaw',
      optimal_frame_size: 160,
      channel_variables: { tenant: '7', FROM: 'alice', TO: '1000' },
    });
    bot.say(compressG711('mu', tone(600, 10_000)));
    await alice.hearsTone(600, { ms: 500 });
    bot.say({ command: 'PAUSE_MEDIA' });
    await lab.advance(500);
    expect(lab.clock.now() - loudUntil(alice)).toBeGreaterThan(400);
    bot.say({ command: 'CONTINUE_MEDIA' });
    await alice.hearsTone(600, { ms: 500 });
    bot.say({ command: 'MARK_MEDIA', correlation_id: 'dropped' });
    bot.say({ command: 'FLUSH_MEDIA' });
    await lab.advance(500);
    expect(bot.of('MEDIA_MARK_PROCESSED')).toEqual([]);
    bot.say({ command: 'HANGUP' });
    await alice.ends({ within: 1000 });
  });

  test('says when it has enough, and when there is room again', async ({ lab }) => {
    const bot = new Bot();
    await streamed(lab, bot, { dialect: 'asterisk', control: 'json' });
    bot.say(compressG711('mu', tone(600, 20_000)));
    await lab.advance(1);
    expect(bot.of('MEDIA_XOFF')).toHaveLength(1);
    await lab.advance(3000);
    expect(bot.of('MEDIA_XON')).toHaveLength(0);
    await lab.advance(2000);
    expect(bot.of('MEDIA_XON')).toHaveLength(1);
  });
});

describe('a bot that cannot be had', () => {
  test('is an error for the script, and the call goes on', async ({ lab }) => {
    let error: unknown;
    await lab.serve(
      async (call) => {
        await call.answer();
        error = await call.stream(url).catch((reason: unknown) => reason);
        await call.ended;
      },
      { webSockets: new Bot(new Error('connect ECONNREFUSED')) },
    );
    const alice = lab.phone('alice');
    await alice.dial('1000');
    await lab.until(() => error !== undefined);
    expect(error).toMatchObject({ code: 'ERR_STREAM', message: /ECONNREFUSED/ });
    expect(alice.call?.state).toBe('up');
    await alice.hangup();
  });
});

describe('over a real connection', () => {
  test('goes and comes', async ({ lab }) => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const opened = Promise.withResolvers<void>();
    const messages: string[] = [];
    const closed = Promise.withResolvers<number>();
    const handler = {
      onOpen: () => opened.resolve(),
      onMessage: (message: string | Uint8Array) => messages.push(typeof message === 'string' ? message : 'bytes'),
      onClose: (code: number) => closed.resolve(code),
    };
    server.on('connection', (socket, { headers }) => {
      socket.send(`${headers['x-key']} ${socket.protocol}`);
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const to = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const options = { headers: { 'x-key': 'k' }, protocols: ['media'], maxMessage: 1000, timeoutMs: 5000 };
    const connection = nodeWebSockets.connect(to, options, handler);
    await opened.promise;
    connection.send('text');
    connection.send(new Uint8Array(3));
    while (messages.length < 3) await new Promise((next) => setImmediate(next));
    expect(messages).toEqual(['k media', 'text', 'bytes']);
    connection.close(1000);
    connection.close(1000);
    expect(await closed.promise).toBe(1000);
    const refused = Promise.withResolvers<Error | undefined>();
    nodeWebSockets.connect('http:/\\', options, { ...handler, onClose: (_code, error) => refused.resolve(error) });
    expect(await refused.promise).toBeInstanceOf(Error);
    server.close();
    const gone = Promise.withResolvers<Error | undefined>();
    nodeWebSockets.connect(to, options, { ...handler, onClose: (_code, error) => gone.resolve(error) });
    expect(await gone.promise).toMatchObject({ code: 'ECONNREFUSED' });
    expect(lab.clock.pendingTimers()).toEqual([]);
  });
});

/** ms: until when there was something to be heard, of the time since the first packet. */
function loudUntil(phone: Phone): number {
  return (phone.call?.media.ear.audio.loudUntil ?? 0) / 8;
}

function loudness(samples: Int16Array): number {
  return samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
}
