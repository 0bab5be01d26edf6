/**
 * One seed of the fuzz of the control server: packets of BINRPC as they should be, with bytes turned, cut short, run
 * together and cut into pieces. Each is read, answered and printed; what is no packet is told, once.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../../src/base/random.ts';
import { resultOf } from '../../src/control/binrpc/json.ts';
import {
  maxReplyBytes,
  maxRequestBytes,
  type Packet,
  PacketReader,
  readAnswer,
  readPacket,
  writePacket,
} from '../../src/control/binrpc/packet.ts';
import { printRecords } from '../../src/control/binrpc/print.ts';
import { type BinrpcRecord, RecordWriter, readRecords, type Writable } from '../../src/control/binrpc/records.ts';
import { respond } from '../../src/control/binrpc/respond.ts';
import { systemCommands } from '../../src/control/commands/system.ts';
import { RpcFault } from '../../src/control/rpc/fault.ts';
import { RpcMethods } from '../../src/control/rpc/methods.ts';
import { createLogger } from '../../src/index.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';

export interface BinrpcFuzzReport {
  readonly messages: number;
  /** Packets that came out of the stream, and those of them that were replied to. */
  readonly packets: number;
  readonly replies: number;
}

const hostile = [0, 1, 0x03, 0x7f, 0x80, 0x83, 0x91, 0xa1, 0xf1, 0xff] as const;
const names = ['system.listMethods', 'system.methodHelp', 'fuzz.echo', 'fuzz.fault', 'dlg.list', '', 'x'.repeat(300)];

export async function fuzzBinrpc(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<BinrpcFuzzReport> {
  const random = seededRandom(seed, 'binrpc');
  const responder = { methods: commands(), logger: createLogger('silent') };
  const context = { who: 'fuzz', signal: new AbortController().signal };
  let packets = 0;
  let replies = 0;
  for (let message = 0; message < messages; message++) {
    const input = stream(random);
    try {
      let found: readonly Packet[] = [];
      watch(() => {
        found = checkReading(input, random);
      });
      for (const packet of found) {
        packets++;
        watch(() => checkRecords(packet));
        const { bytes } = await respond(packet, context, maxReplyBytes, responder);
        const answer = readPacket(bytes);
        check(answer !== undefined && bytes.length <= maxReplyBytes, 'the answer is no packet');
        check(packet.kind !== 'request' || answer.cookie === packet.cookie, 'the answer has another cookie');
        check(readAnswer(answer) !== undefined, 'the answer cannot be read');
        if (answer.kind === 'reply') replies++;
      }
    } catch (error) {
      throw new FuzzFinding(seed, message, input, error);
    }
  }
  return { messages, packets, replies };
}

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

function commands(): RpcMethods {
  const methods = new RpcMethods(createLogger('silent'));
  methods.add(...systemCommands(methods), {
    name: 'fuzz.echo',
    help: '',
    run: (args) => {
      const list: (string | number)[] = [];
      while (args.left > 0) list.push(args.scalar());
      return { list };
    },
  });
  methods.add({
    name: 'fuzz.fault',
    help: '',
    run: (args) => {
      throw new RpcFault(args.int(), args.string());
    },
  });
  return methods;
}

/** However the stream is cut, its packets are the same, and no more than one of them is held. */
function checkReading(bytes: Uint8Array, random: Random): Packet[] {
  const whole = [...new PacketReader(maxRequestBytes).push(bytes)];
  const reader = new PacketReader(maxRequestBytes);
  const parts: (Packet | undefined)[] = [];
  const longest = between(random, 1, 64);
  for (let at = 0; at < bytes.length; ) {
    const end = at + between(random, 1, longest);
    for (const packet of reader.push(bytes.subarray(at, end))) {
      parts.push(packet);
      check(reader.pending <= maxRequestBytes, 'more is held than the largest packet');
    }
    at = end;
  }
  check(isDeepStrictEqual(parts, whole), 'what comes out depends on how the stream was cut');
  const end = whole.indexOf(undefined);
  check(end === -1 || end === whole.length - 1, 'something comes out of what is no stream of packets');
  return whole.filter((packet) => packet !== undefined);
}

/** What is read can be printed, and written and read again it prints the same. */
function checkRecords({ body }: Packet): void {
  const read = readRecords(body);
  if (!read.ok) return;
  check(read.value.length <= body.length, 'more records than bytes');
  const text = printRecords(read.value);
  resultOf('dlg.list', read.value);
  const writer = new RecordWriter(10 * maxRequestBytes);
  const plain = read.value.map(writable);
  if (plain.some((one) => one === undefined)) return;
  for (const one of plain) writer.add(one as Writable);
  const again = readRecords(writer.bytes);
  check(again.ok, 'written, records cannot be read');
  check(printRecords(again.value) === text, 'written and read again, records are not the same');
}

/** undefined for a structure that no value of ours is: with some names, or one twice, or in an order that numbers lose. */
function writable(record: BinrpcRecord): Writable | undefined {
  if (record.type !== 'struct') return record.value;
  const values = record.members.map(({ value }) => writable(value));
  if (values.includes(undefined)) return undefined;
  const keys = record.members.map(({ name }) => name);
  if (keys.every((key) => key === undefined)) return values as Writable[];
  const named = Object.fromEntries(keys.map((key, i) => [key, values[i] as Writable]));
  return isDeepStrictEqual(Object.keys(named), keys) ? named : undefined;
}

/** Some packets, spoiled or not. */
function stream(random: Random): Uint8Array {
  const parts = Array.from({ length: between(random, 1, 4) }, () => packet(random));
  const bytes = Buffer.concat(parts);
  return chance(random, 0.5) ? bytes : spoil(bytes, random);
}

function packet(random: Random): Uint8Array {
  const writer = new RecordWriter(maxRequestBytes);
  if (chance(random, 0.97)) writer.add(pick(random, names));
  for (let left = between(random, 0, chance(random, 0.98) ? 4 : 400); left > 0; left--) writer.add(value(random, 0));
  const body = chance(random, 0.7) ? writer.bytes : spoil(writer.bytes, random);
  const kind = pick(random, ['request', 'request', 'request', 'request', 'reply', 'fault'] as const);
  return writePacket(kind, chance(random, 0.5) ? random.uint32() : between(random, 0, 300), body);
}

function value(random: Random, depth: number): Writable {
  const most = depth < 4 ? 7 : 4;
  switch (between(random, 0, most)) {
    case 0:
      return random.uint32() - 2 ** 31;
    case 1:
      return between(random, -1000, 1000) / 8;
    case 2:
      return between(random, 0, 300);
    case 3:
      return Buffer.from(random.bytes(between(random, 0, 20))).toString('utf8');
    case 4:
      return 'a'.repeat(between(random, 0, 300));
    case 5:
      return Array.from({ length: between(random, 0, 3) }, () => value(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: between(random, 0, 4) }, (_, i) => [`name${i}`, value(random, depth + 1)]),
      );
  }
}

function spoil(from: Uint8Array, random: Random): Uint8Array {
  const bytes = Uint8Array.from(from);
  for (let left = between(random, 1, 4); left > 0 && bytes.length > 0; left--)
    bytes[between(random, 0, bytes.length - 1)] = chance(random, 0.5) ? pick(random, hostile) : between(random, 0, 255);
  if (chance(random, 0.2)) return bytes.subarray(0, between(random, 0, bytes.length));
  return chance(random, 0.1) ? Buffer.concat([bytes, random.bytes(between(random, 1, 50))]) : bytes;
}
