/** What the quick reference of the dialog module shows of a few commands, made of what they really answer. Pure. */
import type { JsonValue } from '../control/binrpc/json.ts';

type Json = Readonly<Record<string, JsonValue>>;

export interface QuickReference {
  /** What is asked in place of the command, where its own answer does not have it. */
  readonly ask?: { readonly method: string; readonly args: readonly string[] };
  /** @param args of the command. @returns what is printed */
  print(result: JsonValue, args: readonly string[]): string;
}

const json = (value: JsonValue): string => `${JSON.stringify(value, null, 2)}\n`;

export const quickReferences: Readonly<Record<string, QuickReference>> = {
  /** Calls that are answered. */
  'dlg.stats_active': {
    print: (result) => `${Number(of(result).answering ?? 0) + Number(of(result).ongoing ?? 0)}\n`,
  },
  'dlg.briefing': {
    ask: { method: 'stats.fetch', args: ['dialog:'] },
    print: (result) =>
      json({
        all: ['processed', 'failed', 'active', 'early'].map((name) => ({
          name,
          value: Number(of(result)[`dialog.${name}_dialogs`] ?? 0),
        })),
      }),
  },
  'dlg.list': { print: (result) => json({ dialog: listOf(result).map(dialog) }) },
  'dlg.profile_list': { print: (result, [profile = '']) => json({ Profiles: profiles(listOf(result), profile) }) },
};

function dialog(record: Json): Json {
  const [caller, callee] = [of(record.caller), of(record.callee)];
  const text = (value: JsonValue | undefined): string => String(value ?? '');
  return {
    hash: text(record.h_entry),
    h_entry: text(record.h_entry),
    h_id: text(record.h_id),
    callid: text(record['call-id']),
    from_uri: text(record.from_uri),
    from_tag: text(caller.tag),
    caller_contact: `<${text(caller.contact)}>`,
    req_uri: text(record.req_uri ?? record.to_uri),
    to_uri: text(record.to_uri),
    to_tag: text(callee.tag),
    callee_contact: `<${text(callee.contact)}>`,
    state: text(record.state),
    start_time: text(record.start_ts),
    duration: text(record.duration),
    timeout: text(record.lifetime),
    profiles: profilesOf(record)
      .map(([name, value]) => (value === undefined ? name : `${name}=${value}`))
      .join(','),
  };
}

/** The dialogs of each value, in the order in which the values come first. */
function profiles(dialogs: readonly Json[], profile: string): JsonValue {
  const byValue = new Map<string, Json[]>();
  for (const one of dialogs)
    for (const [name, value = ''] of profilesOf(one)) {
      if (name !== profile) continue;
      const { 'call-id': callid = '', from_uri = '', to_uri = '' } = one;
      byValue.set(value, [...(byValue.get(value) ?? []), { callid, from_uri, to_uri }]);
    }
  return [...byValue].map(([value, found]) => ({ profile, value, count: found.length, dialogs: found }));
}

/** Names, and values where they have one. */
function profilesOf(record: Json): [name: string, value?: string][] {
  const entries = Array.isArray(record.profiles) ? (record.profiles as readonly JsonValue[]) : [];
  return entries.flatMap((one): [string, string?][] =>
    typeof one === 'string' ? [[one]] : Object.entries(of(one)).map(([name, value]) => [name, String(value)]),
  );
}

function of(value: JsonValue | undefined): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: JsonValue): Json[] {
  return Array.isArray(value) ? value.map(of) : [];
}
