import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordWriter, readRecords, type Writable } from '../../../src/control/binrpc/records.ts';
import * as golden from './golden.ts';

function written(...values: readonly Writable[]): string {
  const writer = new RecordWriter(100_000);
  for (const value of values) writer.add(value);
  return Buffer.from(writer.bytes).toString('hex');
}

const read = (hex: string) => readRecords(Buffer.from(hex, 'hex'));
describe('records', () => {
  it('are the bytes that Kamailio sends', () => {
    expect(written('core.version')).toBe('910d636f72652e76657273696f6e00');
    expect(written({ starting: 0, connecting: 0, answering: 0, ongoing: 1, all: 1 })).toBe(
      '0395097374617274696e670000950b636f6e6e656374696e670000950a616e73776572696e67000095086f6e676f696e6700100145616c6c00100183',
    );
    expect(written('binrpc', 'udp', '127.0.0.1', '12046', '')).toBe(
      '7162696e727063004175647000910a3132372e302e302e31006131323034360011' + '00',
    );
    expect(written(404, 'Dialog not found')).toBe('20019491114469616c6f67206e6f7420666f756e6400');
  });

  it('of an answered call are those that Kamailio lists', () => {
    expect(written(golden.dialog)).toBe(golden.packet.slice('a114025e07'.length));
  });

  it.each([
    [0, '00'],
    [1, '1001'],
    [256, '200100'],
    [70_000, '30011170'],
    [0x7fff_ffff, '407fffffff'],
    [-1, '40ffffffff'],
    [-5, '40fffffffb'],
    [1.5, '2205dc'],
    [-1.25, '42fffffb1e'],
    ['', '1100'],
    ['abcdef', '7161626364656600'],
    ['abcdefg', '91086162636465666700'],
    [null, '910e3c6e756c6c20737472696e673e00'],
    [[], '0383'],
  ])('write %j in as few bytes as they can', (value, hex) => {
    expect(written(value)).toBe(hex);
  });

  it('carry what 32 bits do not hold as text', () => {
    expect(written(1_795_198_085_123)).toBe(written('1795198085123'));
    expect(written(3_000_000_000)).toBe(written('3000000000'));
    expect(written(-3_000_000_000)).toBe(written('-3000000000'));
    expect(written(2_147_484.5)).toBe(written('2147484.5'));
    expect(written(Number.NaN)).toBe(written('NaN'));
  });

  it('are refused when they end too early, close what is not open, or are of no known type', () => {
    expect(read('9150616263')).toEqual({ ok: false, error: 'more data needed' });
    expect(read('91')).toEqual({ ok: false, error: 'more data needed' });
    expect(read('03')).toEqual({ ok: false, error: 'more data needed' });
    expect(read('032561')).toEqual({ ok: false, error: 'more data needed' });
    expect(read('83')).toEqual({ ok: false, error: 'bad record' });
    expect(read('03256100' + '83')).toEqual({ ok: false, error: 'bad record' });
    expect(read('19aa')).toEqual({ ok: false, error: "record doesn't match type" });
    expect(read('03'.repeat(1000))).toEqual({ ok: false, error: 'bad record' });
  });

  it('of more than four bytes keep the last four, as in Kamailio', () => {
    expect(read('500102030405')).toEqual({ ok: true, value: [{ type: 'int', value: 33_752_069 }] });
  });

  it('that do not fit are told, and take no more than they may', () => {
    const writer = new RecordWriter(1000);
    for (let i = 0; i < 100; i++) writer.add('x'.repeat(20));
    expect(writer.full).toBe(true);
    expect(writer.bytes.length).toBeLessThanOrEqual(1000);
  });

  it('are read as they were written', () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.integer({ min: -2_000_000, max: 2_000_000 }).map((n) => n / 8),
    );
    fc.assert(
      fc.property(fc.array(scalar), (values) => {
        const back = read(written(...values));
        expect(back.ok && back.value.map((one) => 'value' in one && one.value)).toEqual(values);
      }),
    );
  });

  it('of any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof readRecords(bytes).ok).toBe('boolean');
      }),
    );
  });
});
