/**
 * One seed of the fuzz of the journal: logs of some calls with bits turned over, bytes cut out, moved or cut off. A call
 * that is found in one is as the log said last; of what is written behind a log nothing is found that was not put there.
 */

import type { Random } from '../../src/base/random.ts';
import { readHead } from '../../src/recovery/journal/log-file.ts';
import { readLog } from '../../src/recovery/journal/read.ts';
import { type JournalOp, writeBatch } from '../../src/recovery/journal/record.ts';
import { between, chance, pick, seededRandom } from '../../src/testing/index.ts';
import { FuzzFinding, type FuzzOptions } from './fuzz.ts';

export interface JournalFuzzReport {
  readonly messages: number;
  /** Calls that were found, and that were lost. */
  readonly found: number;
  readonly lost: number;
}

type Calls = Map<string, Map<string, string>>;

const names = ['a', 'b', 'c', 'd', 'TJ', ''];
const parts = ['call', 'media/1', 'media/2', 'step/x'];
const hostileNumbers = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

interface Log {
  readonly bytes: Buffer;
  readonly begin: number;
  readonly promised: number;
  readonly current: Calls;
}

function original(random: Random): Log {
  const current: Calls = new Map();
  const batches: Buffer[] = [Buffer.from(random.bytes(between(random, 0, 40)))];
  let serial = 0;
  for (let batch = between(random, 1, 8); batch > 0; batch--) {
    const ops = Array.from({ length: between(random, 1, 4) }, () => {
      const op = operation(random);
      const made = op.op === 'put' ? { ...op, begins: !current.has(op.call) } : op;
      apply(current, made);
      return made;
    });
    batches.push(writeBatch(ops, serial + 1));
    serial += ops.length;
  }
  return { bytes: Buffer.concat(batches), begin: batches[0]?.length ?? 0, promised: serial, current };
}

function operation(random: Random): JournalOp {
  const [call, part] = [pick(random, names), pick(random, parts)];
  if (chance(random, 0.1)) return { op: 'removeCall', call };
  if (chance(random, 0.1)) return { op: 'removePart', call, part };
  return { op: 'put', call, part, value: random.bytes(between(random, 0, chance(random, 0.1) ? 2000 : 40)) };
}

function apply(calls: Calls, op: JournalOp): void {
  const known = calls.get(op.call) ?? new Map<string, string>();
  if (op.op === 'put') calls.set(op.call, known.set(op.part, Buffer.from(op.value).toString('hex')));
  else if (op.op === 'removePart') known.delete(op.part);
  if (op.op === 'removeCall' || known.size === 0) calls.delete(op.call);
}

function spoil(bytes: Buffer, begin: number, random: Random): Buffer {
  const at = between(random, begin, bytes.length - 1);
  const to = Math.min(bytes.length, at + between(random, 1, 60));
  const spoilt = Buffer.from(bytes);
  switch (between(random, 0, 5)) {
    case 0: // cut off
      return spoilt.subarray(0, at);
    case 1: // cut out
      return Buffer.concat([spoilt.subarray(0, at), spoilt.subarray(to)]);
    case 2: // put in between
      return Buffer.concat([spoilt.subarray(0, at), random.bytes(to - at), spoilt.subarray(at)]);
    case 3: // a block that never came to the disk
      spoilt.fill(0, at, to);
      return spoilt;
    case 4: // a length
      if (at + 4 <= spoilt.length) spoilt.writeUInt32BE(pick(random, hostileNumbers), at);
      return spoilt;
    default:
      spoilt[at] = (spoilt[at] ?? 0) ^ (1 << between(random, 0, 7));
      return spoilt;
  }
}

function check({ begin, promised, current }: Log, bytes: Buffer): readonly [found: number, lost: number] {
  const { found, lost } = readLog(bytes, begin, promised);
  for (const { call, parts: values } of found) {
    const whole = current.get(call);
    if (!whole) throw new Error(`call "${call}" was over`);
    if (values.size !== whole.size) throw new Error(`${values.size} of ${whole.size} parts of call "${call}"`);
    for (const [part, value] of values)
      if (whole.get(part) !== Buffer.from(value).toString('hex')) throw new Error(`"${part}" of "${call}" is another`);
  }
  return [found.length, lost.length];
}

/** @throws FuzzFinding */
export async function fuzzJournal(
  seed: number,
  { messages = 1000, watch = (work) => work() }: FuzzOptions = {},
): Promise<JournalFuzzReport> {
  const random = seededRandom(seed, 'journal');
  let [found, lost] = [0, 0];
  for (let message = 0; message < messages; message++) {
    const log = original(random);
    let input = log.bytes;
    const rounds = chance(random, 0.1) ? 0 : chance(random, 0.7) ? 1 : 3;
    for (let round = 0; round < rounds && input.length > log.begin; round++) input = spoil(input, log.begin, random);
    try {
      watch(() => {
        readHead(input, undefined);
        const [all, gone] = check(log, input);
        if (rounds === 0 && (gone > 0 || all !== log.current.size)) throw new Error('a sound log has lost something');
        [found, lost] = [found + all, lost + gone];
      });
    } catch (error) {
      throw new FuzzFinding(seed, message, input, error);
    }
  }
  return { messages, found, lost };
}
