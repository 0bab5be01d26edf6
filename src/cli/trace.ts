/** `tandem trace <call-id>`: why a call failed, as its SIP messages and its audio tell. */
import { TandemError } from '../base/errors.ts';
import type { CallReport } from '../control/commands/trace.ts';
import { formatMediaReport, formatTrace } from '../index.ts';
import { askFirst } from './rpc.ts';

export interface TraceCommandOptions {
  readonly server?: string;
  readonly full?: boolean;
  readonly json?: boolean;
}

export async function showTrace(callId: string, options: TraceCommandOptions): Promise<number> {
  const { answer } = await askFirst(options.server, process.env, 'trace.call', [callId]);
  if ('fault' in answer) throw new TandemError('ERR_RPC', `${answer.fault.code} ${answer.fault.text}`);
  const [record] = answer.records;
  if (record?.type !== 'string') throw new TandemError('ERR_RPC', 'the server answers something else');
  const report = JSON.parse(record.value) as CallReport;
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : printed(report, options.full ?? false));
  return 0;
}

function printed({ messages, media }: CallReport, full: boolean): string {
  const parts = [
    ...(messages.length > 0 ? [formatTrace(messages, { full })] : []),
    ...media.map((one) => formatMediaReport(one, messages[0]?.at)),
  ];
  return `${parts.join('\n\n')}\n`;
}
