import { expect, it } from 'vitest';
import { DialogClientSession } from '../../src/session/dialog-client-session.ts';
import { DialogServerSession } from '../../src/session/dialog-server-session.ts';
import type { DialogSession } from '../../src/session/dialog-session.ts';
import { Sessions } from '../../src/session/sessions.ts';

/** What is looked at of a session. */
function session(kind: typeof DialogClientSession | typeof DialogServerSession, id: string, callId: string) {
  const values = { id, callId, ended: new Promise(() => {}) };
  return Object.create(kind.prototype, Object.getOwnPropertyDescriptors(values)) as DialogSession;
}

it('knows a leg of ours by its Call-ID until that leg ends, even if one that came back with it ends first', () => {
  const sessions = new Sessions({ knows: () => false, trace: {} as never });
  const ours = session(DialogClientSession, '1', 'a');
  const leave = sessions.adopt(ours);
  sessions.adopt(session(DialogServerSession, '2', 'a'))();
  expect(sessions.outgoing('a')).toBe(ours);
  leave();
  expect(sessions.outgoing('a')).toBeUndefined();
  expect(sessions.find('a')).toBeUndefined();
});
