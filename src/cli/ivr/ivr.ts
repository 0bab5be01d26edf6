/** `tandem ivr`: the ready-made server. */
import { randomBytes } from 'node:crypto';
import type { UserConfig } from '../../config/schema.ts';
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
  const { config, warnings } = loadSettings(flags, { users: demo, root });
  const system = await PhoneSystem.of(config, { root, now: () => Date.now() });
  const users = usersOf(config, (caller = '', called = '', { uri }) => system.isForUsersOnly(called, caller, uri));
  try {
    return await runServer(config, users, async (tandem, logger) => {
      for (const warning of warnings) logger.warn({ warning }, 'the configuration may not be what was meant');
      system.open(tandem);
      return {
        handler: (call) => system.handle(call, tandem),
        resume: (call) => system.resume(call, tandem),
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
