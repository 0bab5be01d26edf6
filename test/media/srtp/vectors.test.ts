/** SRTP against the vectors of the RFCs and of libsrtp's own tests. */
import { createHmac, createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sessionKeys } from '../../../media/srtp/derive.ts';
import { Keystream } from '../../../media/srtp/keystream.ts';
import type { SrtpProfile } from '../../../media/srtp/profiles.ts';
import { SrtpReceiver } from '../../../media/srtp/receiver.ts';
import { SrtpSender } from '../../../media/srtp/sender.ts';
import { HmacSha1 } from '../../../media/srtp/sha1.ts';
import { hex, master, sealed } from './support.ts';

describe('key derivation', () => {
  it('RFC 3711 B.3', () => {
    const key = master('E1F97A0D3E018BE0D64FA32C06DE41390EC675AD498AFEEBB6960B3AABE6');
    const { encryption, salt, authentication } = sessionKeys('AES_CM_128_HMAC_SHA1_80', key).rtp;
    expect(hex(encryption.export())).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(hex(salt)).toBe('30cbbc08863d8c85d49db34a9ae1');
    expect(hex(authentication)).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
  });

  it('RFC 6188 §7.4', () => {
    const key = master('f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2');
    const { encryption, salt, authentication } = sessionKeys('AES_256_CM_HMAC_SHA1_80', key).rtp;
    expect(hex(encryption.export())).toBe('5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4');
    expect(hex(salt)).toBe('fa31791685ca444a9e07c6c64e93');
    expect(hex(authentication)).toBe('fd9c32d39ed5fbb5a9dc96b30818454d1313dc05');
  });
});

describe('keystream', () => {
  it.each([
    [
      'RFC 3711 B.2',
      '2b7e151628aed2a6abf7158809cf4f3c',
      'e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0',
    ],
    [
      'RFC 6188 §7.1',
      '57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98',
      '92bdd28a93c3f52511c677d08b5515a49da71b2378a854f67050756ded165bac63c4868b7096d88421b563b8c94c9a31',
    ],
  ])('%s', (_name, key, blocks) => {
    const salt = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd');
    const stream = new Keystream(createSecretKey(hex(key)), salt);
    expect(hex(stream.generate(0, 0, 0, 48))).toBe(blocks);
    expect(hex(stream.generate(0, 0, 1, 16))).not.toBe(blocks.slice(0, 32));
    expect(hex(stream.generate(0, 0, 0, 20))).toBe(blocks.slice(0, 64));
  });

  it('has a block counter of 16 bits', () => {
    // RFC 3711 B.2, blocks 0xfeff to 0xff01.
    const stream = new Keystream(
      createSecretKey(hex('2b7e151628aed2a6abf7158809cf4f3c')),
      hex('f0f1f2f3f4f5f6f7f8f9fafbfcfd'),
    );
    const from = 0xfeff * 16;
    expect(hex(stream.generate(0, 0, 0, from + 48).subarray(from, from + 48))).toBe(
      'ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae6a2cc3787889374fbeb4c81b17ba6c44',
    );
  });
});

it('HMAC-SHA1 of every length is that of node:crypto', () => {
  const key = hex('0102030405060708090a0b0c0d0e0f1011121314');
  const hmac = new HmacSha1(key);
  const bytes = Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7) & 0xff));
  const suffix = Buffer.from('89abcdef', 'hex');
  for (let length = 0; length < 290; length++) {
    const part = bytes.subarray(3, 3 + length);
    expect(hex(hmac.digest(bytes, 3, length, undefined))).toBe(createHmac('sha1', key).update(part).digest('hex'));
    expect(hex(hmac.digest(bytes, 3, length, 0x89abcdef))).toBe(
      createHmac('sha1', key).update(part).update(suffix).digest('hex'),
    );
  }
});

const cm128 = 'e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6';
const cm256 = 'f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b63b04803de51ee7c96423ab5b78d2';
const gcm128 = '000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab';
const gcm256 = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fa0a1a2a3a4a5a6a7a8a9aaab';
const rtp = `800f1234decafbadcafebabe${'ab'.repeat(16)}`;
const rtcp = `81c8000bcafebabe${'ab'.repeat(16)}`;

describe.each<[profile: SrtpProfile, key: string, rtp: string, rtcp: string]>([
  [
    'AES_CM_128_HMAC_SHA1_80',
    cm128,
    '4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb',
    '7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798',
  ],
  [
    'AES_CM_128_HMAC_SHA1_32',
    cm128,
    '4e55dc4ce79978d88ca4d215949d2402b78d6acc',
    '7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798',
  ],
  [
    'AES_256_CM_HMAC_SHA1_80',
    cm256,
    'f1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b',
    'b4d0e7a917d24b9faab9d3b6127b3ba680000001e04ac0ec2846f71bd31c',
  ],
  [
    'AES_256_CM_HMAC_SHA1_32',
    cm256,
    'f1d9de17ff251ff1aa007774b0b4b40da08d9d9a',
    'b4d0e7a917d24b9faab9d3b6127b3ba680000001e04ac0ec2846f71bd31c',
  ],
  [
    'AEAD_AES_128_GCM',
    gcm128,
    'c5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392',
    'c98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001',
  ],
  [
    'AEAD_AES_256_GCM',
    gcm256,
    '0af7f21e8a90bdad7a425c9c31ed4bb1d90238917e7390a2793500e1681acaea',
    '8abfafa780070a90e80f9161cf4aac081ed93aaa53c15b0f3ed1a3b984167b0380000001',
  ],
])('%s, as libsrtp 2.5 has it', (profile, key, rtpEnd, rtcpEnd) => {
  it.each([
    ['rtp', rtp, rtp.slice(0, 24) + rtpEnd],
    ['rtcp', rtcp, rtcp.slice(0, 16) + rtcpEnd],
  ] as const)('protects and opens %s', (kind, clear, expected) => {
    expect(sealed(SrtpSender.create(profile, master(key)), kind, hex(clear))).toBe(expected);
    const packet = hex(expected);
    const length = SrtpReceiver.create(profile, [master(key)])[kind](packet, 0, packet.length);
    expect(hex(packet.subarray(0, length))).toBe(clear);
  });
});
