import { describe, expect, it } from 'vitest';
import { quickReferences } from '../../src/cli/quickref.ts';
import type { JsonValue } from '../../src/control/binrpc/json.ts';
import { dialog } from '../control/binrpc/golden.ts';

function printed(command: string, result: JsonValue, ...args: readonly string[]): unknown {
  return JSON.parse(quickReferences[command]?.print(result, args) ?? '');
}

describe('the shapes of the quick reference', () => {
  it('dlg.stats_active is the number of answered calls', () => {
    const result = { starting: 1, connecting: 1, answering: 1, ongoing: 2, all: 5 };
    expect(quickReferences['dlg.stats_active']?.print(result, [])).toBe('3\n');
  });

  it('dlg.briefing is made of the statistics', () => {
    expect(quickReferences['dlg.briefing']?.ask).toEqual({ method: 'stats.fetch', args: ['dialog:'] });
    const result = {
      ...{ 'dialog.active_dialogs': '1', 'dialog.early_dialogs': '0', 'dialog.expired_dialogs': '9' },
      ...{ 'dialog.failed_dialogs': '0', 'dialog.processed_dialogs': '5' },
    };
    expect(printed('dlg.briefing', result)).toEqual({
      all: [
        { name: 'processed', value: 5 },
        { name: 'failed', value: 0 },
        { name: 'active', value: 1 },
        { name: 'early', value: 0 },
      ],
    });
  });

  it('dlg.list has texts, and the profiles in one', () => {
    expect(printed('dlg.list', [dialog])).toEqual({
      dialog: [
        {
          ...{ hash: '667', h_entry: '667', h_id: '8709', callid: '1-21@127.0.0.1' },
          ...{ from_uri: 'sip:5001@192.168.210.54', from_tag: '21SIPpTag001' },
          caller_contact: '<sip:5001@127.0.0.1:15071>',
          ...{ req_uri: 'sip:1003@192.168.210.54', to_uri: 'sip:1003@192.168.210.54', to_tag: '19SIPpTag011' },
          callee_contact: '<sip:1003@127.0.0.1:15070;transport=UDP>',
          ...{ state: '4', start_time: '1795711066', duration: '2', timeout: '21600' },
          profiles: 'inbound,caller=sip:5001@192.168.210.54',
        },
      ],
    });
    expect(printed('dlg.list', [])).toEqual({ dialog: [] });
  });

  it('dlg.profile_list counts the dialogs of each value', () => {
    const other = { ...dialog, 'call-id': 'b', profiles: [{ caller: 'sip:5002@x' }, 'inbound'] };
    const again = { ...dialog, 'call-id': 'c' };
    const short = (callid: string) => ({ callid, from_uri: dialog.from_uri, to_uri: dialog.to_uri });
    expect(printed('dlg.profile_list', [dialog, other, again], 'caller')).toEqual({
      Profiles: [
        {
          ...{ profile: 'caller', value: 'sip:5001@192.168.210.54', count: 2 },
          dialogs: [short('1-21@127.0.0.1'), short('c')],
        },
        { profile: 'caller', value: 'sip:5002@x', count: 1, dialogs: [short('b')] },
      ],
    });
    expect(printed('dlg.profile_list', [dialog], 'inbound')).toMatchObject({
      Profiles: [{ profile: 'inbound', value: '', count: 1 }],
    });
  });

  it('takes what is not there for nothing', () => {
    expect(quickReferences['dlg.stats_active']?.print({}, [])).toBe('0\n');
    expect(printed('dlg.list', [{}])).toMatchObject({ dialog: [{ callid: '', profiles: '' }] });
  });
});
