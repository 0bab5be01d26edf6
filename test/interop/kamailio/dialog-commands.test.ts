/**
 * Every command of the dialog module, asked by the unmodified `kamcmd`: a Kamailio and a Tandem answer the same, but for
 * what `docs/kamailio.md` lists.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import { openControl } from '../../../src/control/binrpc/open.ts';
import { registryCommands } from '../../../src/control/commands/index.ts';
import { RpcMethods } from '../../../src/control/rpc/methods.ts';
import type { Tandem } from '../../../src/tandem.ts';
import { openTandem } from '../../helpers/tandem.ts';
import { askAll, type Commanded, startKamailio, type Transcript } from '../support/dialog-commands.ts';
import { type Difference, differences, permitted, printed } from '../support/dialog-differences.ts';
import { type Folder, temporaryFolder } from '../support/folder.ts';
import { expectNoPrograms, root } from '../support/process.ts';

afterEach(expectNoPrograms);

const isShort = process.env.TANDEM_TEST_LONG !== '1';
const golden = join(root, 'test', 'control', 'golden', 'kamcmd.txt');

async function startTandem(folder: Folder): Promise<Commanded & AsyncDisposable> {
  const logger = createLogger('silent');
  const registry = { defaultTimeout: 21_600, profilesWithValue: 'caller', profilesNoValue: 'inbound', sendBye: false };
  const opened: { tandem?: Tandem } = {};
  const { tandem, port } = await openTandem(
    async (call) => {
      call.profiles.set('caller', 'sip:5001@192.168.210.54');
      call.profiles.set('inbound');
      call.variables.set('customer', 'acme');
      call.variables.set('gw', 'gw1');
      const target = await readFile(folder.file('target'), 'utf8');
      const callee = await call.invite(`sip:1003@127.0.0.1:${target}`);
      const bridge = await opened.tandem?.bridge(call, callee);
      await bridge?.ended;
      await callee.hangup();
    },
    { registry },
  );
  opened.tandem = tandem;
  const methods = new RpcMethods(logger);
  methods.add(
    ...registryCommands({
      registry: tandem.registry,
      logger,
      writeFolder: folder.path,
    }),
  );
  const control = await openControl({ listen: [`unixs:${folder.file('tandem_ctl')}`], methods, logger });
  return {
    port,
    control: control.addresses[0] ?? '',
    [Symbol.asyncDispose]: async () => {
      await control.close();
      await tandem.close();
    },
  };
}

async function transcript(start: (folder: Folder) => Promise<Commanded & AsyncDisposable>): Promise<Transcript> {
  await using folder = await temporaryFolder();
  await using server = await start(folder);
  return await askAll(server, folder, isShort);
}

it('answers as Kamailio does', { timeout: 180_000 }, async () => {
  const real = await transcript(startKamailio);
  if (process.env.TANDEM_WRITE_GOLDEN === '1') await writeFile(golden, printed(real));
  const ours = await transcript(startTandem);
  const rules = permitted(await readFile(join(root, 'docs', 'kamailio.md'), 'utf8'));
  const found: Difference[] = differences(real, ours);
  const left = found.filter((one) => !rules.some((rule) => rule(one)));
  expect(left.map(({ moment, command, real, ours }) => `${moment}: ${command}: ${ours}, not ${real}`)).toEqual([]);
});
