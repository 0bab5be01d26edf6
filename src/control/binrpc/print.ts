/** The text that `kamcmd` prints of an answer, byte for byte. Pure. */
import type { Fault } from './packet.ts';
import type { BinrpcRecord } from './records.ts';

/** One line for each record; a structure is one more tab in. */
export function printRecords(records: readonly BinrpcRecord[]): string {
  return records.map((record) => printRecord(record, '', 0)).join('');
}

export function printFault({ code, text }: Fault): string {
  return `error: ${code} - ${text}\n`;
}

function printRecord(record: BinrpcRecord, name: string, depth: number): string {
  const before = '\t'.repeat(depth);
  if (record.type !== 'struct') return `${before}${name}${printScalar(record)}\n`;
  const members = record.members.map((one) =>
    printRecord(one.value, one.name === undefined ? '' : `${one.name}: `, depth + 1),
  );
  return `${before}${name}{\n${members.join('')}${before}}\n`;
}

function printScalar(record: Exclude<BinrpcRecord, { type: 'struct' }>): string {
  const { value } = record;
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(6) : String(value);
}
