/** What every scenario is given, and what it gives back. */
import type { UdpIoName } from '../../media/net/own-udp-io.ts';
import type { Repeated } from '../lab/repeat.ts';
import type { Table } from '../lab/table.ts';
import type { Tools } from '../lab/tools.ts';

export interface Lab {
  readonly tools: Tools;
  /** Measurements of which the median is taken. */
  readonly runs: number;
  /** Length of a measured window. */
  readonly seconds: number;
  /** Numbers of calls for everything with RTP. */
  readonly calls: readonly number[];
  /** How Tandem reads its RTP sockets: everything with RTP is measured with each. */
  readonly ios: readonly UdpIoName[];
  /** Calls per second for set-up, rising. */
  readonly rates: { readonly answered: readonly number[]; readonly bridged: readonly number[] };
  /** Calls after which `endurance` looks at the memory. */
  readonly parts: readonly number[];
  /** Where the servers write CPU profiles. */
  readonly profile: string | undefined;
  readonly progress: (text: string) => void;
}

export type Scenario = (lab: Lab) => Promise<Table>;

/** Calls per second at which calls with RTP are brought up. */
export const rampRate = 250;

/** The rows of each `lab.ios`, one under the other for each number of calls, which is their first column. */
export async function rowsOfIos(
  lab: Lab,
  rowsOf: (io: UdpIoName) => Promise<readonly (readonly string[])[]>,
): Promise<readonly (readonly string[])[]> {
  const rows: (readonly string[])[] = [];
  for (const io of lab.ios) rows.push(...(await rowsOf(io)));
  return rows.sort(([a], [b]) => Number(a) - Number(b));
}

/** What must be said of the runs behind a row. */
export function runNotes(label: string, { kept, thrown, noisy }: Repeated): string[] {
  if (noisy) return [`${label}: **noisy**, too few quiet runs, so all ${kept} count.`];
  if (thrown.length === 0) return [];
  return [
    `${label}: ${thrown.length} of ${kept + thrown.length} runs thrown away (${[...new Set(thrown)].join('; ')}).`,
  ];
}

export function complaintNotes(complaints: readonly string[]): string[] {
  if (complaints.length === 0) return [];
  const messages = complaints.map((line) => String((JSON.parse(line) as { msg?: string }).msg));
  const counts = [...new Set(messages)].map(
    (text) => `"${text}" ${messages.filter((one) => one === text).length} times`,
  );
  return [`The server logged warnings or errors: ${counts.join(', ')}.`];
}
