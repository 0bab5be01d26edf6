/** `trace.call`: what is kept of a call that failed, or runs. */
import type { MediaReport } from '../../report/media-reports.ts';
import type { TraceMessage } from '../../sip/trace/trace.ts';
import { RpcFault } from '../rpc/fault.ts';
import type { RpcMethod } from '../rpc/methods.ts';

/** A `Tandem` is one. */
export interface TraceSubject {
  trace(callId: string): readonly TraceMessage[];
  mediaReport(callId: string): readonly MediaReport[];
}

/** What is kept of the legs with one Call-ID. */
export interface CallReport {
  readonly callId: string;
  readonly messages: readonly TraceMessage[];
  readonly media: readonly MediaReport[];
}

/** @returns undefined when nothing is known of it */
export function callReport(subject: TraceSubject, callId: string): CallReport | undefined {
  const messages = subject.trace(callId);
  const media = subject.mediaReport(callId);
  return messages.length === 0 && media.length === 0 ? undefined : { callId, messages, media };
}

export function traceCommands(subject: TraceSubject): RpcMethod[] {
  return [
    {
      name: 'trace.call',
      help: 'SIP messages and media reports of a call that runs or failed, as JSON text: trace.call <call-id>',
      run: (args) => {
        const report = callReport(subject, args.string());
        if (!report) throw new RpcFault(404, 'nothing is kept of this call');
        // As text: BINRPC has no room for Unix milliseconds.
        return JSON.stringify(report);
      },
    },
  ];
}
