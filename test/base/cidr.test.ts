import { describe, expect, it } from 'vitest';
import { contains, parseCidr } from '../../src/base/cidr.ts';

const within = (range: string, address: string): boolean => {
  const cidr = parseCidr(range);
  if (!cidr.ok) throw new Error(cidr.error);
  return contains(cidr.value, address);
};

describe('a range of addresses', () => {
  it.each([
    ['192.0.2.0/24', '192.0.2.255'],
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.128/25', '192.0.2.130'],
    ['10.0.0.0/9', '10.127.1.1'],
    ['0.0.0.0/0', '203.0.113.1'],
    ['192.0.2.0/24', '::ffff:192.0.2.9'],
    ['::ffff:192.0.2.0', '192.0.2.0'],
    ['2001:db8::/32', '2001:db8:0:1::5'],
    ['2001:DB8::1', '2001:db8:0:0:0:0:0:1'],
    ['fe80::/10', 'fe80::1%eth0'],
    ['::/0', '2001:db8::1'],
  ])('%s has %s', (range, address) => {
    expect(within(range, address)).toBe(true);
  });

  it.each([
    ['192.0.2.0/24', '192.0.3.0'],
    ['192.0.2.7', '192.0.2.8'],
    ['192.0.2.128/25', '192.0.2.127'],
    ['10.0.0.0/9', '10.128.0.0'],
    ['0.0.0.0/0', '2001:db8::1'],
    ['::/0', '192.0.2.1'],
    ['2001:db8::/32', '2001:db9::'],
    ['192.0.2.0/24', 'example.com'],
    ['192.0.2.0/24', ''],
  ])('%s has not %s', (range, address) => {
    expect(within(range, address)).toBe(false);
  });

  it.each([
    '',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/1e1',
    '::1::',
    '1:2',
    '2001:db8::/129',
    ':::',
    '12345::',
    'example.com',
    '1:2:3:4:5:6:7:8:9',
    '::1.2.3',
  ])('%j is none', (text) => {
    expect(parseCidr(text).ok).toBe(false);
  });
});
