/** Bugs put in by hand: what the soak is worth is whether it finds them. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Mutation {
  readonly name: string;
  readonly file: string;
  /** Stands in the file just once. */
  readonly code: string;
  readonly becomes: string;
  /** What the report has to say. */
  readonly report: RegExp;
}

export const mutations: readonly Mutation[] = [
  {
    name: 'a copy of a 2xx gets no ACK any more: one ACK that is lost is lost for good',
    file: 'src/sip/dialog-acks.ts',
    code: '    if (this.#sent?.seq === seq) this.#repeat(',
    becomes: '    if (seq < 0 && this.#sent) this.#repeat(',
    report: /its answer was never acknowledged/,
  },
  {
    name: 'the RTCP port of a call stays open',
    file: 'media/engine/leg-sockets.ts',
    code: 'const open = [this.#out.socket, this.#rtcp];',
    becomes: 'const open = [this.#out.socket];',
    report: /tandem: udp \d+.* still open/,
  },
  {
    name: 'a digit is heard again at its end',
    file: 'media/dtmf/receiver.ts',
    code: '      press.ended ||= ended;\n      return undefined;',
    becomes: '      if (!ended || press.ended) return undefined;\n      press.ended = true;\n      return digit;',
    report: /pressed \S+#, and the server got /,
  },
  {
    name: 'a 200 that crosses our CANCEL is taken, and its call never ended',
    file: 'src/sip/invite-client.ts',
    code: '    dialog.ack();\n    void dialog.bye();',
    becomes: '    dialog.ack();',
    report: /dialogs: \d+|never heard the end of its call/,
  },
  {
    name: 'a copy of an INVITE makes a call of its own',
    file: 'src/sip/transaction/layer.ts',
    code: "    return this.#servers.get(serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method));",
    becomes:
      "    return request.method === 'INVITE' ? undefined : this.#servers.get(serverKey(request, request.method === 'ACK' ? 'INVITE' : request.method));",
    report: /./,
  },
  {
    name: 'the 2xx to an INVITE is sent once',
    file: 'src/sip/ack-waiter.ts',
    code: '    this.#transaction.respondAgain();',
    becomes: '',
    report: /failed: 408|nobody answered it/,
  },
  {
    name: 'a call that is over is still counted in its profiles',
    file: 'src/session/call-data.ts',
    code: '      this.profiles.close();',
    becomes: '',
    report: /still counted in a profile/,
  },
  {
    name: 'the end of a call is told twice',
    file: 'src/session/session-news.ts',
    code: "    this.#context.observer.emit('call:ended', { ...this.stamp(), cause });",
    becomes:
      "    for (const _ of cause.by === 'remote' ? '12' : '1') this.#context.observer.emit('call:ended', { ...this.stamp(), cause });",
    report: /was created 1 times and ended 2 times/,
  },
];

/** The three that every run of the suite tries. */
export const firstMutations = mutations.slice(0, 3);

export interface Verdict {
  readonly found: boolean;
  /** What the soak said. */
  readonly report: string;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const parts = ['src', 'media', 'prompts', 'test', 'package.json'];

/** Runs the soak on a copy of the sources with the mutation in it. */
export async function tryMutation(mutation: Mutation, seeds: number): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-mutation-'));
  try {
    for (const part of parts) await cp(join(root, part), join(folder, part), { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const file = join(folder, mutation.file);
    const source = await readFile(file, 'utf8');
    if (source.split(mutation.code).length !== 2)
      throw new Error(
        `the mutation "${mutation.name}" does not fit ${mutation.file} any more: its code is not there once`,
      );
    await writeFile(
      file,
      source.replace(mutation.code, () => mutation.becomes),
    );
    return await soakIn(folder, mutation, seeds);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function soakIn(folder: string, { report }: Mutation, seeds: number): Promise<Verdict> {
  const script = join(folder, 'test/soak/run.ts');
  const env = { ...process.env, TANDEM_SEED: undefined };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [script, '--seeds', String(seeds), '--bail'],
      { cwd: folder, env, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        const text = `${stderr}${stdout}`;
        resolve({ found: error !== null && report.test(text), report: text });
      },
    );
  });
}
