/** The call from its beginning until now as one bar: ringing, talking, held; a mark for each event. */
import type { CallRow, TimelineEvent } from '../../protocol.ts';
import { useNow } from './console-context.ts';
import { eventWords, phasesOf } from './event-words.ts';
import { duration, offset } from './format.ts';

const names = { ringing: 'Ringing', talking: 'Talking', held: 'On hold' } as const;

export function CallPhases({ call, events }: { readonly call: CallRow; readonly events: readonly TimelineEvent[] }) {
  const time = useNow();
  const last = events.at(-1)?.at ?? call.startedAt;
  const now = call.state === 'deleted' ? last : Math.max(time, call.startedAt + 1, last);
  const phases = phasesOf(call, events, now);
  const part = (at: number): string =>
    `${(Math.max(0, Math.min(1, (at - call.startedAt) / (now - call.startedAt))) * 100).toFixed(3)}%`;
  const sums = { ringing: 0, talking: 0, held: 0 };
  for (const { name, from, to } of phases) sums[name] += to - from;
  return (
    <section class="phases" aria-label="Course of the call">
      <div class="phase-bar" aria-hidden="true">
        {phases.map(({ name, from, to }) => (
          <i
            key={from}
            class={name}
            title={names[name]}
            style={{ left: part(from), width: `max(2px, calc(${part(to)} - ${part(from)}))` }}
          />
        ))}
        {events.map((event, i) => (
          <span
            key={i}
            class="tick"
            style={{ left: part(event.at) }}
            title={`${offset(event.at - call.startedAt)} ${eventWords(event)}`}
          />
        ))}
      </div>
      <p class="quiet num">
        {(Object.keys(sums) as (keyof typeof sums)[])
          .filter((name) => sums[name] > 0)
          .map((name) => (
            <span key={name}>
              <i class={`key ${name}`} /> {names[name]} {duration(sums[name])}
            </span>
          ))}
      </p>
    </section>
  );
}
