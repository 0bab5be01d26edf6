/** `tandem ivr`: the ready-made server. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../../config/schema.ts';
import { runServer } from '../server.ts';
import { loadSettings, type ServerFlags } from '../settings.ts';
import { usersOf } from '../users.ts';
import { DialPlan } from './dial-plan.ts';
import { Users } from './users.ts';

export interface IvrFlags extends ServerFlags {
  /** Users to try it with. */
  readonly demo?: boolean;
}

const demoUsers = ['5001', '5002', '5003'];

export async function ivr(flags: IvrFlags, root: string): Promise<number> {
  const { config } = loadSettings(flags);
  const settings = flags.demo ? withDemoUsers(config) : config;
  const plan = new DialPlan((name) => join(root, 'prompts', `${name}.wav`), new Users(settings.users), settings.remote);
  const users = usersOf(settings, (_caller, called, { uri }) => plan.isForUsersOnly(called ?? '', uri));
  return runServer(settings, users, async (tandem) => ({
    handler: (call) => plan.handle(call, tandem),
    resume: (call) => plan.resume(call, tandem),
  }));
}

function withDemoUsers(config: Config): Config {
  const password = randomBytes(6).toString('base64url');
  process.stdout.write(`demo users ${demoUsers.join(', ')}: password ${password}\n`);
  return {
    ...config,
    users: { ...Object.fromEntries(demoUsers.map((name) => [name, { password }])), ...config.users },
  };
}
