/** A control server with commands that tests need, and a peer that speaks bytes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ControlAddress } from '../../../src/control/binrpc/address.ts';
import { type BinrpcLimits, BinrpcServer } from '../../../src/control/binrpc/server.ts';
import { coreCommands } from '../../../src/control/commands/core.ts';
import { ctlCommands } from '../../../src/control/commands/ctl.ts';
import { systemCommands } from '../../../src/control/commands/system.ts';
import { RpcFault } from '../../../src/control/rpc/fault.ts';
import { type RpcMethod, RpcMethods } from '../../../src/control/rpc/methods.ts';
import { createLogger } from '../../../src/index.ts';
import * as golden from './golden.ts';

export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'tandem-control-'));
  readonly path = join(this.folder, 'run', 'ctl');
  readonly methods: RpcMethods;
  readonly server: BinrpcServer;

  constructor(limits: Partial<BinrpcLimits> = {}) {
    const logger = createLogger('silent');
    this.methods = new RpcMethods(logger);
    this.server = new BinrpcServer({ methods: this.methods, logger, limits });
    this.methods.add(
      ...ctlCommands(this.server),
      ...systemCommands(this.methods),
      ...coreCommands({
        ...{ version: '0.1.0', platform: 'x64/linux', runtime: 'Node.js 24' },
        ...{ now: () => Date.UTC(2026, 10, 5, 13, 2, 3, 500), uptime: () => 3723.9 },
      }),
      ...testCommands,
    );
  }

  async open(...addresses: readonly string[]): Promise<readonly ControlAddress[]> {
    await this.server.open(addresses.length > 0 ? addresses : [`unixs:${this.path}`]);
    return this.server.listeners;
  }

  connect(): Peer {
    return new Peer(connect({ path: this.path, allowHalfOpen: true }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}

const testCommands: readonly RpcMethod[] = [
  { name: 'test.dialog', help: 'One dialog.', run: () => ({ list: [golden.dialog] }) },
  { name: 'test.nothing', help: 'Nothing.', run: () => undefined },
  { name: 'test.list', help: 'So many records.', run: (args) => ({ list: records(args.int()) }) },
  {
    name: 'test.fault',
    help: 'Fails.',
    run: () => {
      throw new RpcFault(404, 'Dialog not found');
    },
  },
  {
    name: 'test.broken',
    help: 'A list that breaks.',
    run: () => ({
      list: (function* () {
        yield 1;
        throw new Error('out of ink');
      })(),
    }),
  },
  {
    name: 'test.later',
    help: 'Answers some turns later.',
    run: async () => {
      for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate);
      return 'later';
    },
  },
];

function* records(count: number): Generator<string> {
  for (let i = 0; i < count; i++) yield `record ${i}`;
}

/** Sends bytes and collects what comes back. */
export class Peer {
  readonly socket: Socket;
  /** All that came until the other side said no more. */
  readonly all: Promise<string>;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #ended = false;

  constructor(socket: Socket) {
    this.socket = socket;
    this.all = new Promise((resolve) => {
      const end = (): void => {
        this.#ended = true;
        this.#wake?.();
        resolve(this.#received.toString('hex'));
      };
      socket.on('end', end).on('close', end).on('error', end);
    });
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
  }

  send(...hex: readonly string[]): this {
    this.socket.write(Buffer.from(hex.join('').replaceAll(' ', ''), 'hex'));
    return this;
  }

  /** The next so many bytes; fewer when the other side ended. */
  async take(bytes: number): Promise<string> {
    while (this.#received.length < bytes && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const taken = this.#received.subarray(0, bytes).toString('hex');
    this.#received = this.#received.subarray(bytes);
    return taken;
  }
}
