/** Somebody who subscribes, for tests of events. */
import { type Lab, SipText } from '../../src/testing/index.ts';

/** Someone with a lamp, who writes SUBSCRIBE by hand and answers each NOTIFY. */
export class Watcher {
  readonly received: SipText[] = [];
  /** Status of the answers to NOTIFY; 0: none. */
  answers = 200;
  readonly #lab: Lab;
  readonly #send: (text: string) => void;
  readonly close: () => void;
  #seq = 0;
  readonly #user: string;
  #to: string;

  /** @param user whose state it looks at */
  constructor(lab: Lab, user = 'bob') {
    this.#lab = lab;
    this.#user = user;
    this.#to = `<sip:${user}@10.0.0.1>`;
    const socket = lab.network.host('watcher', '10.0.9.1').openUdp('sip', 5060, (bytes) => {
      const message = new SipText(Buffer.from(bytes).toString('latin1'), lab.clock.now());
      this.received.push(message);
      if (message.method === 'NOTIFY' && this.answers > 0) this.#answer(message);
    });
    this.#send = (text) => void socket.send(Buffer.from(text, 'latin1'), { address: '10.0.0.1', port: 5060 });
    this.close = () => socket.close();
  }

  /** The answer to a SUBSCRIBE; the dialog goes on in the next one. */
  async subscribe(headers: readonly string[] = [], event = 'Event: dialog'): Promise<SipText> {
    const seq = ++this.#seq;
    const lines = [
      `SUBSCRIBE sip:${this.#user}@10.0.0.1 SIP/2.0`,
      `Via: SIP/2.0/UDP 10.0.9.1;branch=z9hG4bKs${seq}`,
      'Max-Forwards: 70',
      'From: <sip:watcher@10.0.9.1>;tag=w',
      `To: ${this.#to}`,
      'Call-ID: lamp',
      `CSeq: ${seq} SUBSCRIBE`,
      ...(headers.some((line) => line.startsWith('Contact')) ? [] : ['Contact: <sip:watcher@10.0.9.1>']),
      event,
      ...headers,
      'Content-Length: 0',
    ];
    this.#send(`${lines.filter((line) => line !== '').join('\r\n')}\r\n\r\n`);
    await this.#lab.advance(10);
    const answer = this.received.findLast(({ status, cseq }) => status > 0 && cseq.seq === seq);
    if (!answer) throw new Error('no answer');
    if (answer.status === 200) this.#to = answer.header('to');
    return answer;
  }

  #answer(notify: SipText): void {
    const copied = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => `${name}: ${notify.header(name)}`);
    this.#send(`SIP/2.0 ${this.answers} Whatever\r\n${copied.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`);
  }

  get notifies(): SipText[] {
    return this.received.filter(({ method }) => method === 'NOTIFY');
  }

  /** What the lamp shows, after each NOTIFY: the states of all dialogs. */
  get shown(): string[] {
    return this.notifies.map(({ body }) => [...body.matchAll(/<state>(\w+)</g)].map(([, state]) => state).join());
  }

  get states(): string[] {
    return this.notifies.map((notify) => notify.header('subscription-state'));
  }
}
