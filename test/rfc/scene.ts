/**
 * A scene between a SIP endpoint and a peer, both of which do what a script says, in a network that takes no time.
 * What can be seen of it is written down: what the endpoint sent and when, and how many transactions it kept.
 */
import { type InviteClient, type InviteOptions, type InviteServer, SipEndpoint } from '../../src/sip/endpoint.ts';
import type { IncomingRequest } from '../../src/sip/incoming-request.ts';
import type { TimerOptions } from '../../src/sip/transaction/timers.ts';
import type { StreamConnection, StreamHandler } from '../../src/sip/transport/network.ts';
import { FakeClock, LabNetwork, seededRandom } from '../../src/testing/index.ts';
import { address, type Received, read, reply, silent, write } from '../sip/lab.ts';

/** By the millisecond. `INVITE` is a request, `486 INVITE` a response to one, `200 INVITE b` one with the To tag b. */
export type Script = Readonly<Record<number, string | readonly string[]>>;

export interface Scene {
  /** What comes from the peer; the same once more is a copy, with the same branch. */
  readonly peer?: Script;
  /** What the user of the endpoint does. It sends ACK to a 2xx, and BYE when its own gets none, by itself. */
  readonly we?: Script;
  readonly timers?: TimerOptions;
}

export interface Seen {
  /** When the endpoint sent what. */
  readonly sent: Readonly<Record<string, readonly number[]>>;
  /** The number of transactions, client and server, from when on. */
  readonly kept: Readonly<Record<number, number>>;
  /** What the endpoint told its user, other than by asking it to answer: `ACK`, or the outcome of a request of ours. */
  readonly told: Readonly<Record<string, readonly number[]>>;
}

type Transport = 'udp' | 'tcp';

const ours = { address: '10.0.0.1', port: 5060 };
const theirs = { address: '10.0.0.2', port: 5070 };
const sceneMs = 600_000;
const ignore: StreamHandler = { onOpen() {}, onData() {}, onClose() {} };

/** @param unit milliseconds of the clock in one of the script and of what is written down */
export async function play(transport: Transport, { peer = {}, we = {}, timers = {} }: Scene, unit = 1): Promise<Seen> {
  const clock = new FakeClock();
  const now = (): number => clock.now() / unit;
  const network = new LabNetwork(clock, 1);
  network.set({ delayMs: 0 });
  const sent: Record<string, number[]> = {};
  const kept: Record<number, number> = {};
  const told: Record<string, number[]> = {};
  const note = (list: Record<string, number[]>, what: string): void => {
    list[what] = [...(list[what] ?? []), now()];
  };

  const host = network.host('endpoint', ours.address);
  const endpoint = new SipEndpoint({
    listen: [{ transport, bindHost: ours.address, bindPort: ours.port }],
    clock,
    random: seededRandom(1),
    resolver: network.resolver,
    logger: silent,
    userAgent: 'Lab',
    network: host.sip,
    timers,
  });
  await endpoint.open();
  const user = userOf(endpoint, transport, (what) => note(told, what));
  const phone = peerIn(network, transport);
  network.onSight = ({ from, bytes }) => {
    if (from.address !== ours.address) return;
    const message = read(Buffer.from(bytes).toString('latin1'));
    phone.heard(message);
    note(sent, nameOf(message));
  };

  const schedule = (script: Script, act: (what: string) => void): void => {
    for (const [at, what] of Object.entries(script))
      for (const one of [what].flat()) clock.setTimer(Number(at) * unit, () => act(one));
  };
  schedule(peer, phone.send);
  schedule(we, user);
  let over = false;
  clock.setTimer(sceneMs * unit, () => {
    over = true;
  });
  let count = 0;
  await clock.runUntil(() => {
    const { transactions } = endpoint.stats;
    if (transactions !== count) kept[now()] = transactions;
    count = transactions;
    return over;
  });
  await endpoint.close();
  return { sent, kept, told };
}

function nameOf(message: Received): string {
  return /^\d/.test(message.what) ? `${message.what} ${methodOf(message)}` : message.what;
}

function methodOf(message: Received): string {
  return message.get('CSeq').split(' ')[1] ?? '';
}

/** The user of the endpoint. It gives another answer to a second OPTIONS, so that a copy can be told from a new one. */
function userOf(endpoint: SipEndpoint, transport: Transport, tell: (what: string) => void): (what: string) => void {
  const call: InviteOptions = {
    uri: `sip:peer@${theirs.address}:${theirs.port}`,
    from: address('sip:me@10.0.0.1'),
    to: address('sip:peer@10.0.0.2'),
    transport,
  };
  let client: InviteClient;
  let server: InviteServer;
  let incoming: IncomingRequest;
  let asked = 0;
  endpoint.onOptions = () => ({ status: asked++ === 0 ? 200 : 480 });
  endpoint.onInvite = (invite) => {
    server = invite;
    invite.onAck = () => tell('ACK');
    invite.onAckTimeout = () => void invite.dialog.bye();
    invite.dialog.onRequest = (request) => {
      incoming = request;
    };
  };
  return (what) => {
    const [word = '', method] = what.split(' ');
    const status = Number(word);
    if (word === 'INVITE') {
      client = endpoint.invite(call);
      void client.final.then(({ response, dialog }) => {
        tell(String(response.status));
        dialog?.ack();
      });
    } else if (word === 'CANCEL') client.cancel();
    else if (word === 'OPTIONS')
      void endpoint.request({ ...call, method: 'OPTIONS' }).then((response) => tell(String(response.status)));
    else if (method !== 'INVITE') incoming.respond(status);
    else if (status < 200) server.provisional(status);
    else if (status < 300) server.accept();
    else server.reject(status);
  };
}

/** The peer: writes what it is told, to what it has heard. */
function peerIn(network: LabNetwork, transport: Transport) {
  const host = network.host('peer', theirs.address);
  const requests = new Map<string, Received>();
  /** The endpoint's latest response to the INVITE: has the tag, and says what the ACK is to be like. */
  let response: Received | undefined;
  const contact = `<sip:peer@${theirs.address}:${theirs.port};transport=${transport}>`;

  let connection: StreamConnection | undefined;
  host.listenStream(theirs.port, (accepted) => {
    connection = accepted;
    return ignore;
  });
  const socket = host.openUdp('sip', theirs.port, () => {});
  const transmit = (text: string): void => {
    const bytes = Buffer.from(text, 'latin1');
    if (transport === 'udp') socket.send(bytes, ours);
    else {
      connection ??= host.connectStream(ours, ignore);
      connection.write(bytes, () => {});
    }
  };

  const request = (method: string): string => {
    const failed = response !== undefined && response.what >= '300';
    const ofInvite = method === 'CANCEL' || (method === 'ACK' && failed);
    const inDialog = ['ACK', 'INFO', 'BYE'].includes(method) && response;
    return write({
      method,
      callId: method === 'OPTIONS' ? 'options' : 'call',
      via: `SIP/2.0/${transport.toUpperCase()} 10.0.0.2:5070;branch=z9hG4bK${ofInvite ? 'INVITE' : method}`,
      seq: ['INFO', 'BYE'].includes(method) ? 2 : 1,
      contact,
      ...(inDialog ? { to: inDialog.get('To') } : {}),
    });
  };

  return {
    heard(message: Received): void {
      if (!/^\d/.test(message.what)) requests.set(message.what, message);
      else if (methodOf(message) === 'INVITE' && message.what > '100') response = message;
    },
    send(what: string): void {
      const [, status, method = '', tag = 'a'] = /^(?:(\d{3}) )?([A-Z]+)(?: (\w+))?$/.exec(what) ?? [];
      const to = requests.get(method);
      if (status && !to) throw new Error(`the peer cannot send ${what}: it has heard no ${method}`);
      transmit(status && to ? reply(to, Number(status), { tag, contact }) : request(method));
    },
  };
}
