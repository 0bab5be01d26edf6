/** A Tandem of the lab, and its commands, answered as `kamcmd` prints them. */
import { readFileSync } from 'node:fs';
import { argument } from '../../../src/cli/rpc.ts';
import { printFault, printRecords } from '../../../src/control/binrpc/print.ts';
import { RecordWriter, readRecords } from '../../../src/control/binrpc/records.ts';
import { registryCommands } from '../../../src/control/commands/index.ts';
import { systemCommands } from '../../../src/control/commands/system.ts';
import { RpcFault } from '../../../src/control/rpc/fault.ts';
import { RpcMethods } from '../../../src/control/rpc/methods.ts';
import { isRpcList, type RpcScalar, type RpcStruct, type RpcValue } from '../../../src/control/rpc/value.ts';
import type { DialogRecord } from '../../../src/registry/record.ts';
import type { Tandem } from '../../../src/tandem.ts';
import type { Lab, LabHandler, LabTandemOptions, Phone } from '../../../src/testing/index.ts';

export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class House {
  readonly tandem: Tandem;
  readonly log: LoggedLine[] = [];
  readonly #methods: RpcMethods;
  readonly #lab: Lab;

  constructor(lab: Lab, tandem: Tandem, options: { readonly writeFolder?: string } = {}) {
    this.#lab = lab;
    this.tandem = tandem;
    const note =
      (level: string) =>
      (fields: object, message: string): void =>
        void this.log.push({ level, message, fields: fields as LoggedLine['fields'] });
    const [debug, info, warn, error] = ['debug', 'info', 'warn', 'error'].map(note) as [never, never, never, never];
    const logger = { trace: debug, debug, info, warn, error, child: () => logger };
    this.#methods = new RpcMethods(logger);
    const { registry, registrar } = tandem;
    const { writeFolder } = options;
    this.#methods.add(...registryCommands({ registry, registrar, clock: lab.clock, logger, writeFolder }));
    this.#methods.add(...systemCommands(this.#methods));
  }

  get record(): DialogRecord {
    const [record] = this.tandem.registry;
    if (!record) throw new Error('no call is listed');
    return record;
  }

  /** Every value of the reply. @throws RpcFault */
  async values(name: string, ...args: readonly RpcScalar[]): Promise<readonly RpcValue[]> {
    const call = this.#methods.call(name, args, { who: 'test', signal: new AbortController().signal });
    call.catch(() => {});
    const reply = await this.#lab.run(call);
    if (!isRpcList(reply)) return reply === undefined ? [] : [reply];
    const values: RpcValue[] = [];
    for await (const value of reply.list) values.push(value);
    return values;
  }

  async struct(name: string, ...args: readonly RpcScalar[]): Promise<RpcStruct> {
    const [value] = await this.values(name, ...args);
    return value as RpcStruct;
  }

  /** What `kamcmd` prints of a command line. */
  async kamcmd(line: string): Promise<string> {
    const [name = '', ...words] = line.split(' ');
    try {
      const writer = new RecordWriter(1_000_000);
      for (const value of await this.values(name, ...words.map(argument))) writer.add(value);
      const records = readRecords(writer.bytes);
      return records.ok ? printRecords(records.value) : records.error;
    } catch (error) {
      if (error instanceof RpcFault) return printFault({ code: error.fault, text: error.message });
      throw error;
    }
  }

  /** `h_entry` and `h_id` of the one call. */
  get id(): string {
    return `${this.record.hEntry} ${this.record.hId}`;
  }
}

/** What a Kamailio answered at some moment: `test/interop/kamailio/dialog-commands.test.ts` wrote it. */
export function golden(moment: string): ReadonlyMap<string, string> {
  const text = readFileSync(new URL('../golden/kamcmd.txt', import.meta.url), 'utf8');
  const answers = new Map<string, string>();
  for (const part of text.split(/^# /m)) {
    if (!part.startsWith(`${moment}\n`)) continue;
    for (const one of part.slice(moment.length + 1).split(/^\$ /m)) {
      const end = one.indexOf('\n');
      if (end > 0) answers.set(one.slice(0, end), one.slice(end + 1));
    }
  }
  return answers;
}

/** Who and when is masked: what is left is the shape, states and flags. */
export function masked(text: string): string {
  return text
    .replaceAll(/\b(h_entry|h_id|ref|cseq|tag|duration): [^<\n].*/g, '$1: <$1>')
    .replaceAll(/\b(tag|h_entry|h_id|ref|duration): <\w+>$/gm, '$1: <$1>')
    .replaceAll(/\b(call-id|from_uri|to_uri|from_tag|caller|contact|socket): [^{<\n].*/g, '$1: <$1>')
    .replaceAll(/\b(call-id|from_tag): <\w>$/gm, '$1: <$1>')
    .replaceAll(/\b(\w+_ts|timeout): [1-9]\d*/g, '$1: <time>');
}

export interface CallHouse {
  readonly house: House;
  readonly alice: Phone;
  readonly bob: Phone;
}

export const registryOptions = {
  defaultTimeout: 21_600,
  profilesWithValue: 'caller',
  profilesNoValue: 'inbound',
  sendBye: false,
} as const;

/** A Tandem whose calls to 1003 are bridged to `bob`; it answers others by itself. */
export async function openHouse(
  lab: Lab,
  options: LabTandemOptions & { readonly writeFolder?: string } = {},
): Promise<CallHouse> {
  const { writeFolder, ...rest } = options;
  const [alice, bob] = [lab.phone('alice'), lab.phone('bob')];
  const handler: LabHandler = async (call, tandem) => {
    if (call.toUser !== '1003') {
      await call.answer();
      await call.ended;
      return;
    }
    call.profiles.set('caller', tandem.registry.of(call)?.fromUri ?? '');
    call.profiles.set('inbound');
    call.variables.set('customer', 'acme');
    call.variables.set('gw', 'gw1');
    const callee = await call.invite(bob.uri);
    const bridge = await tandem.bridge(call, callee);
    await bridge.ended;
    await callee.hangup();
  };
  const tandem = await lab.serve(handler, { registry: registryOptions, ...rest });
  return { house: new House(lab, tandem, writeFolder === undefined ? {} : { writeFolder }), alice, bob };
}

/** Alice's call to bob, answered. */
export async function connected(lab: Lab, options?: Parameters<typeof openHouse>[1]): Promise<CallHouse> {
  const all = await openHouse(lab, options);
  all.alice.invite('1003');
  await all.bob.rings();
  await all.bob.answer();
  await all.alice.isUp();
  await lab.advance(10);
  return all;
}
