import { describe, expect, it } from 'vitest';
import { TandemError } from '../../src/base/errors.ts';
import { DialogResponseError } from '../../src/session/errors.ts';
import { outcomeOf } from '../../src/session/outcome.ts';
import { noBody, noParams, type SipResponse } from '../../src/sip/message.ts';

function refusal(status: number, reason = 'No', contact?: string): DialogResponseError {
  const address = { displayName: undefined, uri: 'sip:a@127.0.0.1', params: noParams };
  const response: SipResponse = {
    kind: 'response',
    status,
    reason,
    headers: {
      via: [],
      from: address,
      to: address,
      callId: 'c1',
      cseq: { seq: 1, method: 'INVITE' },
      other: new Map(),
      ...(contact ? { contact: [{ displayName: undefined, uri: contact, params: noParams }] } : {}),
    },
    body: noBody,
  };
  return new DialogResponseError(response);
}

describe('outcome of a handler that threw before the answer', () => {
  it.each([404, 486, 488, 503, 600, 603])("passes a second leg's %i on", (status) => {
    expect(outcomeOf(refusal(status, 'Why'))).toMatchObject({ status, reason: 'Why' });
  });

  it.each([401, 407, 408, 301, 302])("turns a second leg's %i into 480", (status) => {
    expect(outcomeOf(refusal(status)).status).toBe(480);
  });

  it('passes a redirect on with its contacts when asked to', () => {
    const outcome = outcomeOf(refusal(302, 'Moved', 'sip:b@10.0.0.1'), true);
    expect(outcome).toEqual({ status: 302, reason: 'Moved', headers: [['Contact', '<sip:b@10.0.0.1>']] });
  });

  it('takes the status of any error that has one', () => {
    expect(outcomeOf(new TandemError('ERR_X', 'x', { status: 488 })).status).toBe(488);
    expect(outcomeOf(Object.assign(new Error('mine'), { status: 603 })).status).toBe(603);
  });

  it.each([200, 100, 700, 404.5, '404'])('does not take %s for a status', (status) => {
    expect(outcomeOf(Object.assign(new Error('x'), { status })).status).toBe(500);
  });

  it('gives 500 with a Reason that cannot break the header', () => {
    const { status, headers } = outcomeOf(new Error('bad "thing"\r\nX-Evil: 1'));
    expect(status).toBe(500);
    expect(headers).toEqual([['Reason', 'SIP;cause=500;text="bad  thing   X-Evil: 1"']]);
  });

  it('copes with thrown values that are no errors', () => {
    expect(outcomeOf('text').status).toBe(500);
    expect(outcomeOf(undefined).status).toBe(500);
  });
});
