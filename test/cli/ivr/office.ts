/** Phone systems of a configuration in the lab: its routes, its users with their passwords, its trunks. */
import { createHash } from 'node:crypto';
import { PhoneSystem } from '../../../src/cli/ivr/system.ts';
import { registryOptions } from '../../../src/cli/registry-options.ts';
import { usersOf } from '../../../src/cli/users.ts';
import { loadConfig } from '../../../src/config/sources.ts';
import type { Tandem } from '../../../src/tandem.ts';
import type { HeaderLine, InviteContent, Lab, LabTandemOptions, Phone, SipText } from '../../../src/testing/index.ts';
import { root } from '../../helpers/cli.ts';

export interface Office {
  readonly tandem: Tandem;
  readonly system: PhoneSystem;
  /** The calls that come from now on are for another file. */
  reload(yaml: string): Promise<void>;
  [Symbol.dispose](): void;
}

export function configOf(yaml: string) {
  const file = { path: 'tandem.yaml', text: yaml };
  return loadConfig({ flags: new Map(), environment: {}, file, readSecret: () => '' }).config;
}

export async function openOffice(lab: Lab, yaml: string, options: LabTandemOptions = {}): Promise<Office> {
  const config = configOf(yaml);
  const system = await PhoneSystem.of(config, { root, now: () => lab.clock.wallclock() });
  const users = usersOf({ config }, (caller = '', called = '', { uri }) => system.isForUsersOnly(called, caller, uri));
  const tandem = lab.newTandem({
    ...users,
    trunks: config.trunks,
    registry: registryOptions(config.registry),
    ...options,
  });
  system.open(tandem);
  await tandem.serveBackground((call) => system.handle(call, tandem));
  return {
    tandem,
    system,
    reload: async (text) => (await system.prepare(configOf(text)))(tandem),
    [Symbol.dispose]: () => system.close(),
  };
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

function credentials(method: string, uri: string, user: string, password: string, challenge: string): HeaderLine {
  const [, realm = ''] = /realm="([^"]*)"/.exec(challenge) ?? [];
  const [, nonce = ''] = /nonce="([^"]*)"/.exec(challenge) ?? [];
  const hash = md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:00000001:c:auth:${md5(`${method}:${uri}`)}`);
  return [
    'Authorization',
    `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${hash}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`,
  ];
}

/** A phone of a user, registered. */
export async function userPhone(lab: Lab, user: string, password = user): Promise<Phone> {
  const phone = lab.phone(user);
  const headers: HeaderLine[] = [
    ['Contact', `<${phone.uri}>`],
    ['Expires', '3600'],
    ['To', `<sip:${user}@10.0.0.1>`],
  ];
  const uri = 'sip:10.0.0.1';
  const asked = await phone.ask('REGISTER', uri, { headers });
  const answer = credentials('REGISTER', uri, user, password, asked.header('www-authenticate') ?? '');
  const { status } = await phone.ask('REGISTER', uri, { headers: [...headers, answer] });
  if (status !== 200) throw new Error(`${user} was not registered: ${status}`);
  return phone;
}

/** Calls as a user, with its password; waits for nothing that comes after it was asked for. */
export async function inviteAs(phone: Phone, number: string, content: InviteContent = {}): Promise<void> {
  const user = phone.name.split('/')[0] as string;
  phone.invite(number, content);
  const asked = (await phone.ends()) as SipText;
  if (asked.status !== 401) throw new Error(`${user} was not asked who it is: ${asked.startLine}`);
  const uri = `sip:${number}@10.0.0.1`;
  const answer = credentials('INVITE', uri, user, user, asked.header('www-authenticate') ?? '');
  phone.invite(number, { ...content, headers: [...(content.headers ?? []), answer] });
}

/** As `inviteAs`, until it is up. */
export async function dialAs(phone: Phone, number: string): Promise<void> {
  await inviteAs(phone, number);
  await phone.isUp();
}
