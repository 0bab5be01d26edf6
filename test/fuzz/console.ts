/** One seed of the fuzz of what pages send: each message is understood or an error, and headers are read or are none. */

import { createLogger } from '../../src/base/log.ts';
import { FinishedCalls, RecentCdrs } from '../../src/console/finished.ts';
import type { ClientMessage, ServerMessage } from '../../src/console/protocol.ts';
import { readRange } from '../../src/console/range.ts';
import { StreamClient } from '../../src/console/stream-client.ts';
import type { WatchedMailbox } from '../../src/console/subject.ts';
import { voicemailRoutes } from '../../src/console/voicemail.ts';
import { Access, hostName, type Visitor } from '../../src/control/http/access.ts';
import { loginRoutes } from '../../src/control/http/login-routes.ts';
import { cookieOf } from '../../src/control/http/logins.ts';
import { isMessageId } from '../../src/pbx/voicemail/message.ts';
import { mayConnect } from '../../src/sip/transport/web-origin.ts';
import { FakeClock, pick, seededRandom } from '../../src/testing/index.ts';
import { FakeSocket } from '../console/support.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';
import { mutate } from './mutate.ts';

const corpus = [
  '{"type":"watch","id":"12:345"}',
  '{"type":"unwatch","id":"12:345"}',
  '{"type":"listen","sessionId":"85d3de6ad86e5dc5"}',
  '{"type":"unlisten"}',
  '{"user":"ann","password":"correct horse"}',
  '{"token":"a-long-token"}',
  '{"__proto__":{"type":"watch","id":"1:1"}}',
  'tandem_session=AAAA; other=1; tandem_session=BBBB',
  'bytes=0-99',
  'bytes=-1',
  'http://[::1]:8080',
  'https://pbx.example.com:8443',
  '/5001/1700000000000-0a0b0c0d',
  '/b%C3%BCro/..%2f1700000000000-0a0b0c0d',
  'before=1795742943.674b09a7&limit=50&search=%25_!',
];

export interface ConsoleFuzzReport {
  readonly messages: number;
  readonly understood: number;
  readonly errors: number;
}

/** @throws FuzzFinding */
export async function fuzzConsole(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<ConsoleFuzzReport> {
  const random = seededRandom(seed, 'console');
  const clock = new FakeClock();
  const logger = createLogger('silent');
  const access = new Access(clock, random, { token: 'quite-another-token', viewToken: undefined });
  const login = loginRoutes({ access, server: { name: '', version: '' }, logger }).find(({ path }) =>
    path.endsWith('login'),
  );
  const finished = new FinishedCalls({
    subject: { store: undefined, trace: () => [] },
    recent: new RecentCdrs(),
    logger,
  });
  const [list] = finished.routes;
  const read: string[] = [];
  const mailboxes = [mailboxOf((id) => read.push(id))];
  const [, voicemail] = voicemailRoutes({ subject: { mailboxes }, logger });
  let understood = 0;
  let errors = 0;
  for (let message = 0; message < messages; message++) {
    const text = mutate(pick(random, corpus), random, pick(random, corpus));
    try {
      watch(() => {
        const socket = new FakeSocket();
        const asked = (_: StreamClient, { type }: ClientMessage): void => {
          if (!['watch', 'unwatch', 'listen', 'unlisten'].includes(type)) throw new Error(`it asks for ${type}`);
          understood++;
        };
        const owner = { asked, allRows: () => [].values(), closed: () => {} };
        const who = { role: 'view', who: 'fuzz', login: undefined } as const;
        new StreamClient(socket as never, who, '192.0.2.1', owner, clock);
        socket.emit('message', Buffer.from(text), false);
        errors += socket.texts.filter((one) => (JSON.parse(one) as ServerMessage).type === 'error').length;
        checkHeaders(text);
      });
      const visitor: Visitor = {
        ...{ address: '192.0.2.1', local: false, secure: false, wants: 'read', authorization: text, cookie: text },
        ...{ csrf: text, token: undefined, host: text, origin: text },
      };
      const admission = access.admit(visitor);
      if ('role' in admission) throw new Error('it came in');
      const common = { path: '/', headers: { cookie: text }, secure: false, visitor, admission };
      const reply = await login?.answer({ ...common, query: new URLSearchParams(), body: text });
      if (reply?.status === undefined || reply.status < 400) throw new Error(`it logged in: ${reply?.status}`);
      const page = await list?.answer({ ...common, query: new URLSearchParams(text), body: '' });
      if (page?.status !== undefined && page.status !== 400) throw new Error(`status ${page.status}`);
      const sound = await voicemail?.answer({
        ...{ ...common, headers: { range: text }, path: `/console/voicemail${text}`, body: '' },
        ...{ query: new URLSearchParams(), admission: { role: 'control', who: 'fuzz', login: undefined } },
      });
      if (![200, 206, 404, 416].includes(sound?.status ?? 0)) throw new Error(`status ${sound?.status} of a message`);
      if (!read.splice(0).every(isMessageId)) throw new Error('it asks for what is no message');
      // Guesses are slowed down: the next ones are to be looked at, too.
      await clock.advance(10_000);
    } catch (error) {
      throw new FuzzFinding(seed, message, Buffer.from(text), error);
    }
  }
  return { messages, understood, errors };
}

/** @param asked told the name of each message that is read */
function mailboxOf(asked: (id: string) => void): WatchedMailbox {
  return {
    ...{ name: '5001', counts: { new: 0, saved: 0 } },
    messages: () => Promise.resolve([]),
    read: async (id) => {
      asked(id);
      return Buffer.from('RIFF....WAVEfmt ');
    },
  };
}

function checkHeaders(text: string): void {
  const size = 1_000;
  const range = readRange(text, size);
  if (typeof range === 'object' && !(range.start >= 0 && range.start <= range.end && range.end < size))
    throw new Error(`bytes ${range.start} to ${range.end} of ${size}`);
  cookieOf(text, 'tandem_session');
  hostName(text);
  if (mayConnect(['https://only.example.com'], text, text, true) && text !== 'https://only.example.com')
    throw new Error('it may connect');
  mayConnect(['own'], text, text, false);
}
