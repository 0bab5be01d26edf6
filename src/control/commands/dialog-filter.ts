/** Which calls `dlg.list_match` means, and how they are looked for without holding up the calls that run. */
import { setImmediate } from 'node:timers/promises';
import type { DialogRecord } from '../../registry/record.ts';
import { RpcFault } from '../rpc/fault.ts';
import { posixRegex } from './posix-regex.ts';

export type DialogTest = (record: DialogRecord) => boolean;

const texts: Readonly<Record<string, (record: DialogRecord) => string>> = {
  ruri: ({ requestUri }) => requestUri,
  furi: ({ fromUri }) => fromUri,
  turi: ({ toUri }) => toUri,
  callid: ({ callId }) => callId,
};

/** Of a text, what a regular expression is looked for in. */
const longestText = 2048;

/**
 * @param key `ruri`, `furi`, `turi`, `callid`, with `eq`, `re` (extended POSIX, any case) or `sw` (starts with);
 * `start_ts` with `gt` or `lt`
 * @throws RpcFault 500 with Kamailio's words
 */
export function dialogTest(key: string, operator: string, value: string): DialogTest {
  if (key === '' || operator === '' || value === '') throw new RpcFault(500, 'Invalid parameters');
  const text = Object.hasOwn(texts, key) ? texts[key] : undefined;
  if (!text && key !== 'start_ts') throw new RpcFault(500, 'Invalid matching key parameter');
  switch (operator) {
    case 'eq':
      return onText(text, (one) => one === value);
    case 'sw':
      return onText(text, (one) => one.startsWith(value));
    case 're': {
      const regex = posixRegex(value);
      if (!regex.ok) throw new RpcFault(500, 'Invalid matching value parameter', new Error(regex.error));
      return onText(text, (one) => regex.value.test(one.slice(0, longestText)));
    }
    case 'gt':
    case 'lt': {
      if (text) throw new RpcFault(500, 'Matching operator not supported');
      const limit = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      return operator === 'gt' ? ({ startTs }) => startTs > limit : ({ startTs }) => startTs < limit;
    }
    default:
      throw new RpcFault(500, 'Invalid matching operator parameter');
  }
}

function onText(text: ((record: DialogRecord) => string) | undefined, test: (text: string) => boolean): DialogTest {
  if (!text) throw new RpcFault(500, 'Matching operator not supported with start_ts key');
  return (record) => test(text(record));
}

/** How long is looked before others get their turn, ms. */
const sliceMs = 5;

/** @param limit how many at most; 0 and below: all */
export async function* matching(
  records: Iterable<DialogRecord>,
  test: DialogTest,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<DialogRecord, void, void> {
  let found = 0;
  let since = performance.now();
  for (const record of records) {
    if (performance.now() - since > sliceMs) {
      await setImmediate();
      signal.throwIfAborted();
      since = performance.now();
    }
    if (!test(record)) continue;
    yield record;
    if (++found === limit) return;
  }
}
