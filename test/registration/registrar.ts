/** A registrar in the lab's network that a test writes the answers for. */

import type { SipTransportName } from '../../src/sip/options.ts';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab } from '../../src/testing/index.ts';
import type { LabSocket } from '../../src/testing/network/host.ts';
import { type Received, read, reply } from '../sip/lab.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: readonly string[];
  /** The Contact line: default the one that came, with the time that was asked for. */
  readonly contact?: string;
  /** Where the request is said to have come from (`received`, `rport`); default where it did. */
  readonly from?: { readonly host: string; readonly port: number };
}

/** `silence`: no answer. */
export type Script = (request: Received, index: number) => Answer | 'silence';

export const granted = (expires: number): Answer => ({ status: 200, headers: [`Expires: ${expires}`], contact: '' });

export class ScriptedRegistrar implements Disposable {
  readonly address = '10.0.9.9';
  /** Every request without its retransmissions, in order. */
  readonly inbox: Received[] = [];
  /** What is no SIP: keep-alives. */
  readonly pings: number[] = [];
  script: Script = () => ({ status: 200 });
  readonly #lab: Lab;
  #socket: LabSocket | undefined;
  readonly #answers = new Map<string, string | undefined>();

  constructor(lab: Lab, transport: SipTransportName = 'udp') {
    this.#lab = lab;
    const host = lab.network.host('registrar', this.address);
    if (transport === 'udp') {
      const socket = host.openUdp('sip', 5060, (bytes, from) => {
        const answer = this.#receive(bytes, from);
        if (answer) socket.send(Buffer.from(answer, 'latin1'), from);
      });
      this.#socket = socket;
      this.close = () => socket.close();
      return;
    }
    const server = host.listenStream(
      5060,
      (connection) => ({
        onOpen() {},
        onData: (bytes) => {
          const answer = this.#receive(bytes, { address: connection.address, port: connection.port });
          if (answer) connection.write(Buffer.from(answer, 'latin1'), () => {});
        },
        onClose() {},
      }),
      transport,
    );
    this.close = () => server.close();
    this.dropConnections = () => host.dropStreams();
  }

  readonly close: () => void;

  /** A message of its own, over UDP; what comes back is in no inbox. */
  send(text: string, to: { readonly address: string; readonly port: number }): void {
    this.#socket?.send(Buffer.from(text, 'latin1'), to);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** As a restart does. */
  dropConnections = (): void => {};

  get registers(): Received[] {
    return this.inbox.filter(({ what }) => what === 'REGISTER');
  }

  #receive(bytes: Uint8Array, from: { readonly address: string; readonly port: number }): string | undefined {
    const text = Buffer.from(bytes).toString('latin1');
    const now = this.#lab.clock.now();
    if (text.trim() === '') {
      this.pings.push(now);
      return undefined;
    }
    const request = read(text, now, from.port);
    if (/^\d/.test(request.what)) return undefined;
    const branch = request.get('Via');
    if (this.#answers.has(branch)) return this.#answers.get(branch);
    const answer = this.script(request, this.inbox.length);
    this.inbox.push(request);
    const written = answer === 'silence' ? undefined : write(request, answer, from);
    this.#answers.set(branch, written);
    return written;
  }
}

function write(request: Received, answer: Answer, from: { readonly address: string; readonly port: number }): string {
  const seen = answer.from ?? { host: from.address, port: from.port };
  const contact = answer.contact ?? `${request.get('Contact')};expires=${request.get('Expires')}`;
  return reply(request, answer.status, {
    headers: answer.headers ?? [],
    contact: request.what === 'REGISTER' ? contact : '',
  }).replace(/;rport/, `;rport=${seen.port};received=${seen.host}`);
}

/** What the observer tells of registrations, as it is told. */
export function follow(tandem: Tandem): { readonly name: string; readonly at: number; readonly event: object }[] {
  const events: { name: string; at: number; event: object }[] = [];
  const names = ['registered', 'refreshed', 'failed', 'unregistered', 'qualified'] as const;
  for (const name of names)
    tandem.observer.on(`registration:${name}`, ({ uri: _, at, ...event }) => void events.push({ name, at, event }));
  return events;
}
