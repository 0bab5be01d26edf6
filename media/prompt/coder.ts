/** The two places where prompts are decoded and encoded: this thread, or a few worker threads. */
import { Worker } from 'node:worker_threads';
import { TandemError } from '../../src/base/errors.ts';
import { ownModule } from '../../src/base/own-module.ts';
import {
  type DecodedPrompt,
  type DecodeJob,
  type EncodeJob,
  type PromptCoder,
  runDecode,
  runEncode,
} from './decode-prompt.ts';
import type { CoderReply, CoderRequest } from './decode-worker.ts';
import { closedError } from './errors.ts';

/** Works in place: for the lab, where nothing else waits. */
export const inlineCoder: PromptCoder = {
  decode: async (job) => runDecode(job),
  encode: async (job) => runEncode(job),
  close: async () => {},
};

interface Pending {
  readonly resolve: (value: DecodedPrompt | SharedArrayBuffer) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
}

/**
 * Owns up to `size` worker threads. They start with the first job that needs them, keep the process alive only
 * while they work, and are replaced if they die.
 */
export class PromptCoderPool implements PromptCoder {
  readonly #size: number;
  readonly #members: Member[] = [];
  #nextId = 0;
  #closing: Promise<void> | undefined;

  constructor(size = 1) {
    this.#size = Math.max(1, size);
  }

  decode(job: DecodeJob): Promise<DecodedPrompt> {
    return this.#run({ do: 'decode', job }) as Promise<DecodedPrompt>;
  }

  encode(job: EncodeJob): Promise<SharedArrayBuffer> {
    return this.#run({ do: 'encode', job }) as Promise<SharedArrayBuffer>;
  }

  /** Ends the threads; what they were doing rejects with ERR_CLOSED. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    const members = this.#members.splice(0);
    for (const member of members) this.#drop(member, closedError());
    await Promise.all(members.map((member) => member.worker.terminate()));
  }

  #run(
    work: Omit<Extract<CoderRequest, { do: 'decode' }>, 'id'> | Omit<Extract<CoderRequest, { do: 'encode' }>, 'id'>,
  ) {
    return new Promise<DecodedPrompt | SharedArrayBuffer>((resolve, reject) => {
      if (this.#closing) {
        reject(closedError());
        return;
      }
      const member = this.#leastBusy();
      const id = this.#nextId++;
      member.pending.set(id, { resolve, reject });
      member.worker.ref();
      member.worker.postMessage({ ...work, id });
    });
  }

  #leastBusy(): Member {
    const free = this.#members.find((member) => member.pending.size === 0);
    if (free) return free;
    if (this.#members.length < this.#size) return this.#start();
    return this.#members.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
  }

  #start(): Member {
    const worker = new Worker(ownModule(import.meta.url, 'decode-worker'), { name: 'tandem-prompts' });
    const member: Member = { worker, pending: new Map() };
    this.#members.push(member);
    worker.on('message', (reply: CoderReply) => {
      const pending = member.pending.get(reply.id);
      member.pending.delete(reply.id);
      if (member.pending.size === 0) worker.unref();
      if (reply.ok) pending?.resolve(reply.value);
      else pending?.reject(new TandemError(reply.error.code, reply.error.message, { facts: reply.error.facts }));
    });
    const lost = (cause: unknown): void => {
      const index = this.#members.indexOf(member);
      if (index !== -1) this.#members.splice(index, 1);
      this.#drop(member, new TandemError('ERR_WORKER', 'the thread that decodes prompts died: try again', { cause }));
    };
    worker.on('error', lost);
    worker.on('exit', (code) => lost(new Error(`exit ${code}`)));
    return member;
  }

  #drop(member: Member, error: TandemError): void {
    for (const { reject } of member.pending.values()) reject(error);
    member.pending.clear();
  }
}
