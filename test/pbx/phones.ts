/** Phones of the lab that are registered, as users with passwords. */
import { createHash } from 'node:crypto';
import type { Tandem } from '../../src/tandem.ts';
import type { Lab, LabHandler, LabTandemOptions, Phone, SipText } from '../../src/testing/index.ts';
import type { HeaderLine } from '../../src/testing/phone/sip-text.ts';

const password = 'secret';
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** A Tandem whose users register, and whose calls need no password unless their From is a user's. */
export function serveUsers(lab: Lab, handler: LabHandler, options: LabTandemOptions = {}): Promise<Tandem> {
  return lab.serve(handler, {
    auth: { users: () => ({ password }), require: () => false },
    registrar: {},
    ...options,
  });
}

/** A request outside of any call, with the password that is asked for. */
export async function ask(
  phone: Phone,
  method: string,
  uri: string,
  headers: readonly HeaderLine[],
  user = phone.name,
): Promise<SipText> {
  const asked = await phone.ask(method, uri, { headers });
  if (asked.status !== 401) return asked;
  const challenge = asked.header('www-authenticate');
  const [, realm = ''] = /realm="([^"]*)"/.exec(challenge) ?? [];
  const [, nonce = ''] = /nonce="([^"]*)"/.exec(challenge) ?? [];
  const hash = md5(`${md5(`${user}:${realm}:${password}`)}:${nonce}:00000001:c:auth:${md5(`${method}:${uri}`)}`);
  const credentials = `Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${hash}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`;
  return phone.ask(method, uri, { headers: [...headers, ['Authorization', credentials]] });
}

/** Registers the phone as a user, for so many seconds; 0: no longer. */
export async function register(phone: Phone, expires = 3600, user = phone.name): Promise<number> {
  const headers: HeaderLine[] = [
    ['Contact', `<${phone.uri}>`],
    ['Expires', String(expires)],
    ['To', `<sip:${user}@10.0.0.1>`],
  ];
  return (await ask(phone, 'REGISTER', 'sip:10.0.0.1', headers, user)).status;
}

/** Phones of these names, registered. */
export async function registered<const Names extends readonly string[]>(
  lab: Lab,
  ...names: Names
): Promise<{ [K in keyof Names]: Phone }> {
  const phones: Phone[] = [];
  for (const name of names) {
    const phone = lab.phone(name);
    const status = await register(phone);
    if (status !== 200) throw new Error(`${name} was not registered: ${status}`);
    phones.push(phone);
  }
  return phones as { [K in keyof Names]: Phone };
}
