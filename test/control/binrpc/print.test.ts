import { describe, expect, it } from 'vitest';
import { printFault, printRecords } from '../../../src/control/binrpc/print.ts';
import { RecordWriter, readRecords, type Writable } from '../../../src/control/binrpc/records.ts';
import * as golden from './golden.ts';

function printed(...values: readonly Writable[]): string {
  const writer = new RecordWriter(10_000);
  for (const value of values) writer.add(value);
  const records = readRecords(writer.bytes);
  return records.ok ? printRecords(records.value) : records.error;
}

describe("kamcmd's text", () => {
  it('of a structure has its members one tab in, what has no name stands alone', () => {
    expect(
      printed({
        h_entry: 1573,
        caller: { tag: '16363SIPpTag001', route_set: '' },
        profiles: ['inbound', { caller: 'sip:5001@192.168.210.54' }],
        variables: [],
      }),
    ).toBe(
      '{\n\th_entry: 1573\n\tcaller: {\n\t\ttag: 16363SIPpTag001\n\t\troute_set: \n\t}\n' +
        '\tprofiles: {\n\t\tinbound\n\t\t{\n\t\t\tcaller: sip:5001@192.168.210.54\n\t\t}\n\t}\n\tvariables: {\n\t}\n}\n',
    );
  });

  it('of an answered call is what kamcmd prints', () => {
    expect(printed(golden.dialog)).toBe(golden.text);
  });

  it('of a list has one line for each record, of nothing none', () => {
    expect(printed('dialog:active_dialogs = 1', 'dialog:early_dialogs = 0')).toBe(
      'dialog:active_dialogs = 1\ndialog:early_dialogs = 0\n',
    );
    expect(printed()).toBe('');
  });

  it('of numbers is decimal, a fraction has six digits', () => {
    expect(printed(0, -1, 1.5, -0.001, 1_795_198_085)).toBe('0\n-1\n1.500000\n-0.001000\n1795198085\n');
    const whole = readRecords(Buffer.from('2203e8', 'hex'));
    expect(whole.ok && printRecords(whole.value)).toBe('1\n');
  });

  it('of a fault is one line', () => {
    expect(printFault({ code: 404, text: 'Dialog not found' })).toBe('error: 404 - Dialog not found\n');
  });
});
