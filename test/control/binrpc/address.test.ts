import { describe, expect, it } from 'vitest';
import { listenerAddress, parseControlAddress, printControlAddress } from '../../../src/control/binrpc/address.ts';

describe('a control address', () => {
  it.each([
    ['unixs:/run/ctl', 'unixs:/run/ctl'],
    ['unix:/run/ctl', 'unixs:/run/ctl'],
    ['./run/tandem_ctl', 'unixs:./run/tandem_ctl'],
    ['ctl', 'unixs:ctl'],
    ['/run/odd:1', 'unixs:/run/odd:1'],
    ['unixd:/run/ctl', 'unixd:/run/ctl'],
    ['tcp:127.0.0.1:12049', 'tcp:127.0.0.1:12049'],
    ['tcp:localhost', 'tcp:localhost:2049'],
    ['udp:[::1]:9', 'udp:[::1]:9'],
    ['127.0.0.1:9', 'udp:127.0.0.1:9'],
  ])('%s is %s', (text, meant) => {
    const read = parseControlAddress(text);
    expect(read.ok && printControlAddress(read.value)).toBe(meant);
  });

  it.each([
    '',
    'unixs:',
    'unixs:\0abstract',
    `unixs:/${'x'.repeat(107)}`,
    'tcp:',
    'tcp:a:b',
    'udp:a:65536',
    'tcp:a b:1',
    'udp:[x]:1',
  ])('%j is none', (text) => {
    expect(parseControlAddress(text).ok).toBe(false);
    expect(() => listenerAddress(text)).toThrow(/^control: /);
  });

  it.each([
    'tcp:127.0.0.1:1',
    'udp:127.8.9.10:1',
    'tcp:[::1]:1',
    'tcp:localhost:1',
    'tcp:[::ffff:127.0.0.1]:1',
  ])('%s may be listened on', (text) => {
    expect(listenerAddress(text)).toMatchObject({ port: 1 });
  });

  it.each([
    'tcp:127.0.0.1.example.com:1',
    'tcp:0.0.0.0:1',
    'tcp:[::]:1',
    'tcp:localhost.example.com:1',
    'udp:10.0.0.1',
  ])('%s may not: others reach it', (text) => {
    expect(() => listenerAddress(text)).toThrow(/no password/);
  });
});
