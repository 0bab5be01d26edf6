/** Follows what the servers of a lab report, and finds what they leave behind. */
import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import type { CheckReport } from '../check-report.ts';
import type { EndCause } from '../session/errors.ts';
import type { Tandem } from '../tandem.ts';
import type { FakeClock } from './fake-clock.ts';
import type { EntryKind, TimeLine } from './time-line.ts';

/** What became of one session, by the events about it. */
interface Followed {
  readonly callId: string;
  created: number;
  ended: number;
}

/** Timers whose firing is no news. */
const quietTimers = new Set(['sip', 'pacer', 'rtcp', 'network', 'phone', 'invite backlog', 'timer']);

export class Watch {
  readonly rejections: string[] = [];
  readonly #clock: Clock;
  readonly #timeLine: TimeLine;
  readonly #sessions = new Map<string, Followed>();
  readonly #onRejection = (reason: unknown): void =>
    void this.rejections.push(`a promise was rejected and nobody looked: ${messageOf(reason).split('\n')[0]}`);

  constructor(clock: FakeClock, timeLine: TimeLine) {
    this.#clock = clock;
    this.#timeLine = timeLine;
    clock.onFire = (label) => {
      if (!quietTimers.has(label)) this.#note('timer', 'timer', label);
    };
    process.on('unhandledRejection', this.#onRejection);
  }

  #note(kind: EntryKind, who: string, text: string): void {
    this.#timeLine.add({ at: this.#clock.now(), kind, who, text });
  }

  follow(name: string, { observer }: Tandem): void {
    const say = (text: string, kind: EntryKind = 'call'): void => this.#note(kind, name, text);
    // Of an earlier process.
    observer.on('call:recovered', ({ sessionId, callId }) => {
      this.#session(name, sessionId, callId).created++;
    });
    observer.on('call:created', ({ sessionId, callId, direction }) => {
      this.#session(name, sessionId, callId).created++;
      say(`call ${sessionId.slice(0, 4)} created, ${direction}`);
    });
    observer.on('call:early', ({ sessionId, status }) => say(`call ${sessionId.slice(0, 4)} early, ${status}`));
    observer.on('call:answered', ({ sessionId }) => say(`call ${sessionId.slice(0, 4)} answered`));
    observer.on('call:confirmed', ({ sessionId }) => say(`call ${sessionId.slice(0, 4)} confirmed`));
    observer.on('call:ended', ({ sessionId, callId, cause }) => {
      this.#session(name, sessionId, callId).ended++;
      say(`call ${sessionId.slice(0, 4)} ended by ${causeText(cause)}`);
    });
    observer.on('media:started', ({ sessionId, codec }) => say(`media of ${sessionId.slice(0, 4)} started, ${codec}`));
    observer.on('media:dtmf', ({ sessionId, digit }) =>
      say(`call ${sessionId.slice(0, 4)} got digit ${digit}`, 'dtmf'),
    );
    observer.on('media:timeout', ({ sessionId, silentMs }) =>
      say(`call ${sessionId.slice(0, 4)} had no RTP for ${silentMs} ms`),
    );
    observer.on('media:ice', ({ sessionId, state }) => say(`ICE of ${sessionId.slice(0, 4)}: ${state}`));
    observer.on('media:dtls', ({ sessionId, state }) => say(`DTLS of ${sessionId.slice(0, 4)}: ${state}`));
    observer.on('media:srtp', ({ sessionId, problem }) => say(`SRTP of ${sessionId.slice(0, 4)}: ${problem}`));
    observer.on('media:failed', ({ sessionId, error }) => say(`media of ${sessionId.slice(0, 4)} failed: ${error}`));
    observer.on('sip:timer', ({ timer, method, role }) => say(`timer ${timer} of an ${method} ${role}`, 'timer'));
  }

  #session(name: string, sessionId: string, callId: string): Followed {
    const key = `${name} ${sessionId}`;
    const known = this.#sessions.get(key) ?? { callId, created: 0, ended: 0 };
    this.#sessions.set(key, known);
    return known;
  }

  isIdle(report: CheckReport): boolean {
    return openIn(report).length === 0;
  }

  /** What a server has open although nobody wants anything of it any more. */
  async leftIn(name: string, tandem: Tandem): Promise<string[]> {
    const report = await tandem.check();
    const left = openIn(report).map((what) => `${name}: ${what}`);
    const { internalErrors } = report.sip.counters;
    if (internalErrors > 0) left.push(`${name}: ${internalErrors} exceptions that should not have been`);
    for (const [key, { callId, created, ended }] of this.#sessions) {
      if (!key.startsWith(`${name} `) || (created === 1 && ended === 1)) continue;
      left.push(`${name}: session of call ${callId} was created ${created} times and ended ${ended} times`);
    }
    return left;
  }

  close(): void {
    process.off('unhandledRejection', this.#onRejection);
  }
}

function openIn({ calls, background, sip, media }: CheckReport): string[] {
  const counts: Readonly<Record<string, number>> = {
    'calls that are up': calls,
    'handlers, or work behind calls': background,
    dialogs: sip.dialogs,
    'client transactions': sip.clientTransactions,
    'server transactions': sip.serverTransactions,
    'media legs': media.legs,
    bridges: media.bridges,
    conferences: media.conferences,
    playbacks: media.playbacks,
    recordings: media.recordings,
    'RTP sockets': media.sockets,
    'media timers': media.timers,
  };
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${what}: ${count}`);
}

function causeText({ by, status, reason, method }: EndCause): string {
  return [by, method, status, reason].filter((part) => part !== undefined).join(' ');
}
