/** Entry of the thread that encodes recordings. */
import { parentPort } from 'node:worker_threads';
import { messageOf, TandemError } from '../../src/base/errors.ts';
import type { OpusPackets } from '../codec/opus-recorder.ts';
import type { PcmShape } from '../recording-format.ts';
import { openRecorder, type RecordingCoder } from './coder.ts';

export type RecorderRequest =
  | { readonly recording: number; readonly shape: PcmShape; readonly pcm: Int16Array<ArrayBuffer> }
  | { readonly recording: number; readonly close: true };

export type RecorderReply = { readonly recording: number } & (
  | { readonly ok: true; readonly packets: OpusPackets }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } }
);

const coders = new Map<number, RecordingCoder>();

async function work(request: RecorderRequest): Promise<RecorderReply | undefined> {
  const { recording } = request;
  if ('close' in request) {
    coders.get(recording)?.close();
    coders.delete(recording);
    return undefined;
  }
  try {
    const coder = coders.get(recording) ?? openRecorder(request.shape);
    coders.set(recording, coder);
    return { recording, ok: true, packets: await coder.encode(request.pcm) };
  } catch (error) {
    const code = error instanceof TandemError ? error.code : 'ERR_WORKER';
    return { recording, ok: false, error: { code, message: messageOf(error) } };
  }
}

const port = parentPort;
port?.on('message', async (request: RecorderRequest) => {
  const reply = await work(request);
  if (reply) port.postMessage(reply);
});
