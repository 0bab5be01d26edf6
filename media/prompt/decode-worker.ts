/** Entry of the threads that decode and encode prompts. */
import { parentPort } from 'node:worker_threads';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import { type DecodedPrompt, type DecodeJob, type EncodeJob, runDecode, runEncode } from './decode-prompt.ts';

export type CoderRequest =
  | { readonly id: number; readonly do: 'decode'; readonly job: DecodeJob }
  | { readonly id: number; readonly do: 'encode'; readonly job: EncodeJob };

export type CoderReply =
  | { readonly id: number; readonly ok: true; readonly value: DecodedPrompt | SharedArrayBuffer }
  | {
      readonly id: number;
      readonly ok: false;
      readonly error: {
        readonly code: string;
        readonly message: string;
        readonly facts: Readonly<Record<string, unknown>>;
      };
    };

async function work(request: CoderRequest): Promise<CoderReply> {
  try {
    const value = request.do === 'decode' ? await runDecode(request.job) : await runEncode(request.job);
    return { id: request.id, ok: true, value };
  } catch (error) {
    const known = error instanceof TandemError;
    const code = known ? error.code : 'ERR_WORKER';
    return { id: request.id, ok: false, error: { code, message: messageOf(error), facts: known ? error.facts : {} } };
  }
}

const port = parentPort;
port?.on('message', async (request: CoderRequest) => port.postMessage(await work(request)));
