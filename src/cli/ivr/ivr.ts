/** `tandem ivr`: the ready-made server. */
import { randomBytes } from 'node:crypto';
import type { UserConfig } from '../../config/schema.ts';
import type { LoadedConfig } from '../../config/sources.ts';
import type { TandemError } from '../../index.ts';
import { Reloads } from '../reload.ts';
import { runServer } from '../server.ts';
import { loadSettings, type ServerFlags } from '../settings.ts';
import { usersOf } from '../users.ts';
import { PhoneSystem } from './system.ts';

export interface IvrFlags extends ServerFlags {
  /** Users to try it with. */
  readonly demo?: boolean;
}

const demoUsers = ['5001', '5002', '5003'];

export async function ivr(flags: IvrFlags, root: string): Promise<number> {
  const demo = flags.demo ? withPassword() : {};
  const load = (): LoadedConfig => loadSettings(flags, { users: demo, root });
  const { config, warnings } = load();
  const reloads = new Reloads(config);
  let failed = (_error: TandemError): void => {};
  const system = await PhoneSystem.of(config, { root, now: () => Date.now(), failed: (error) => failed(error) });
  const users = usersOf(reloads, (caller = '', called = '', { uri }) => system.isForUsersOnly(called, caller, uri));
  try {
    return await runServer(reloads, load, users, async (tandem, logger) => {
      for (const warning of warnings) logger.warn({ warning }, 'the configuration may not be what was meant');
      failed = ({ message }) => logger.warn({ error: message }, 'a prompt cannot be played');
      system.open(tandem);
      return {
        handler: (call) => system.handle(call, tandem),
        resume: (call) => system.resume(call, tandem),
        prepare: async (next) => {
          const adopt = await system.prepare(next);
          return () => adopt(tandem);
        },
      };
    });
  } finally {
    system.close();
  }
}

function withPassword(): Readonly<Record<string, UserConfig>> {
  const password = randomBytes(6).toString('base64url');
  process.stdout.write(`demo users ${demoUsers.join(', ')}: password ${password}\n`);
  return Object.fromEntries(demoUsers.map((name) => [name, { password }]));
}
