/** Whatever a registrar writes, what we take from it is within bounds. fast-check prints the seed of a failure. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { correctedContact, minExpires, readGrant, seenAs } from '../../src/registration/grant.ts';
import { refreshMs, retryAfterMs } from '../../src/registration/timing.ts';
import { parseMessage } from '../../src/sip/codec.ts';
import { addressFamily } from '../../src/sip/transport/address.ts';
import { parseUri } from '../../src/sip/uri.ts';
import { seededRandom } from '../../src/testing/index.ts';

const contact = 'sip:alice@10.0.0.1:5060';
const junk = fc.string({ maxLength: 30 }).map((text) => text.replace(/[\r\n\0]/g, ''));
const number = fc.oneof(
  fc.integer({ min: -10, max: 10_000 }).map(String),
  fc.bigInt({ min: 0n, max: 10n ** 25n }).map(String),
  fc.constantFrom('0', '4294967295', '1e3', '0x10', ' 60', '60;duration=5', ''),
  junk,
);
const address = fc.oneof(
  fc.constantFrom(`<${contact}>`, contact, '<sip:alice@10.0.0.1>', '*', '<sip:bob@10.0.0.2>'),
  fc.tuple(junk, number).map(([user, port]) => `<sip:${user}@10.0.0.1:${port}>`),
  junk,
);
const response = fc
  .record({
    contacts: fc.array(fc.tuple(address, number), { maxLength: 4 }),
    rport: fc.oneof(number, fc.ipV4()),
    received: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), junk),
    names: fc.array(
      fc.tuple(
        fc.constantFrom('Expires', 'Min-Expires', 'Retry-After', 'Service-Route', 'P-Associated-URI'),
        fc.oneof(number, address),
      ),
      { maxLength: 6 },
    ),
  })
  .map(({ contacts, rport, received, names }) =>
    [
      'SIP/2.0 200 OK',
      `Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport=${rport};received=${received}`,
      `From: <sip:alice@10.0.9.9>;tag=1`,
      `To: <sip:alice@10.0.9.9>;tag=2`,
      'Call-ID: 1',
      'CSeq: 1 REGISTER',
      ...contacts.map(([one, expires]) => `Contact: ${one};expires=${expires}`),
      ...names.map(([name, value]) => `${name}: ${value}`),
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n'),
  );

test('the time, the routes and the address of any 200 are within bounds', () => {
  let read = 0;
  fc.assert(
    fc.property(response, fc.integer(), (text, seed) => {
      const parsed = parseMessage(Buffer.from(text, 'latin1'), 'datagram', { received: '10.0.9.9', rport: 5060 });
      if (!parsed.ok || parsed.message.kind !== 'response') return;
      read++;
      const { message } = parsed;
      const { expires, serviceRoute, associatedUris } = readGrant(message, contact, 3600);
      expect(Number.isInteger(expires) && expires >= 0 && expires <= 604_800).toBe(true);
      const refresh = refreshMs(expires, seededRandom(seed));
      expect(refresh).toBeGreaterThanOrEqual(5_000);
      expect(refresh).toBeLessThanOrEqual(604_800_000);
      expect(minExpires(message) ?? 0).toBeLessThanOrEqual(604_800);
      const retry = retryAfterMs(message) ?? 5_000;
      expect(retry >= 5_000 && retry <= 86_400_000).toBe(true);
      expect(serviceRoute.length <= 16 && associatedUris.length <= 16).toBe(true);
      for (const uri of serviceRoute) expect(parseUri(uri).ok).toBe(true);
      const seen = seenAs(message);
      if (seen) expect(addressFamily(seen.host) !== 0 && seen.port >= 1 && seen.port <= 65_535).toBe(true);
      const corrected = correctedContact(message, contact);
      if (corrected !== undefined) expect(parseUri(corrected)).toMatchObject({ ok: true, value: { ...seen } });
    }),
    { numRuns: 2_000 },
  );
  expect(read).toBeGreaterThan(100);
});
