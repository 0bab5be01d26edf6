/** A server with sipp around it, for call flows that are scripts: each goes through, and leaves nothing. */
import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { temporaryFolder } from './folder.ts';
import type { Script } from './script.ts';
import { allWell, runSipp, Sipp } from './sipp.ts';
import { TandemServer } from './tandem.ts';

export interface Flow {
  /** Text of the script that takes the calls; default: the ready-made server. */
  readonly serves?: string;
  /** `tandem.yaml`. @param ports of the callees */
  readonly config?: (ports: readonly number[]) => unknown;
  /** Who is called. */
  readonly callees?: readonly Script[];
  /** Who calls, one after the other. */
  readonly callers?: readonly Script[];
  /** Whom the callers call. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the server serves HTTP. */
  readonly http?: string;
  /** Before anybody calls. */
  readonly ready?: (server: TandemServer, targets: Readonly<Record<string, string>>) => Promise<void>;
  /** When all have called, and before the callees have to be through. */
  readonly until?: (server: TandemServer) => Promise<void>;
  /** `until` has ended the server already. */
  readonly stopped?: boolean;
}

/**
 * The server's script has the callees' addresses in `TARGET` and `TARGET_2`, sipp in `[port_1]` and `[port_2]`.
 * @returns what the server printed
 */
export async function goes(flow: Flow): Promise<string> {
  const { serves, config, callees = [], callers = [], user = '1000', env, http, ready, until, stopped } = flow;
  await using folder = await temporaryFolder();
  await using stack = new AsyncDisposableStack();
  const called: Sipp[] = [];
  for (const scenario of callees) called.push(stack.use(await Sipp.start({ scenario })));
  const ports = called.map(({ port }) => port);
  if (serves !== undefined) await writeFile(folder.file('script.mjs'), serves);
  await writeFile(folder.file('tandem.yaml'), JSON.stringify(config?.(ports) ?? {}));
  const command = serves === undefined ? ['ivr'] : ['serve', folder.file('script.mjs')];
  const targets = Object.fromEntries(
    ports.map((port, index) => [index === 0 ? 'TARGET' : `TARGET_${index + 1}`, `sip:callee@127.0.0.1:${port}`]),
  );
  const server = stack.use(
    await TandemServer.start([...command, '--config', folder.file('tandem.yaml')], {
      env: { ...targets, ...env },
      ...(http === undefined ? {} : { http }),
    }),
  );
  const keys = ports.flatMap((port, index) => ['-key', `port_${index + 1}`, String(port)]);
  // A Call-ID without @, so that it can stand in a Refer-To as it is.
  const args = [...keys, '-cid_str', '%u-%p', '-timeout', '20s', '-timeout_error'];
  await ready?.(server, targets);
  for (const scenario of callers) {
    const result = await runSipp({ scenario, target: server.port, user, args });
    expect(result, `${scenario.name}\n${result.complaints}\n${await complaintsOf(called)}`).toMatchObject(allWell(1));
  }
  await until?.(server);
  for (const sipp of called) {
    const result = await sipp.result(30_000);
    expect(result, await sipp.complaints()).toMatchObject(allWell(1));
  }
  if (!stopped) await server.expectIdle();
  expect(server.errors).toEqual([]);
  await server.stop();
  return server.program.stdout;
}

async function complaintsOf(all: readonly Sipp[]): Promise<string> {
  return (await Promise.all(all.map((sipp) => sipp.complaints()))).join('\n').slice(0, 4000);
}
