/** Queues: who waits and for how long, and which agents there are. The server tells of each change. */
import type { AgentState, CallRow, QueueCaller, QueueInfo } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { useConsole, useLive } from './console-context.ts';
import { count } from './format.ts';
import { Duration, Empty } from './pieces.tsx';
import { callHref } from './route.ts';

const agentWords: Readonly<Record<AgentState, { readonly text: string; readonly tone: string }>> = {
  idle: { text: 'Free', tone: 'good' },
  ringing: { text: 'Ringing', tone: 'accent' },
  talking: { text: 'Talking', tone: 'accent' },
  'wrap-up': { text: 'Wrap-up', tone: 'warn' },
  paused: { text: 'Paused', tone: 'warn' },
  unregistered: { text: 'Not registered', tone: '' },
};
const endWords: Readonly<Record<string, string>> = {
  answered: 'answered',
  abandoned: 'hung up',
  timeout: 'waited too long',
  key: 'left by key',
  full: 'found it full',
  'no-agents': 'found no agents',
};

export function QueuesPage() {
  const { session } = useConsole();
  const { queues, loaded } = useLive('queues', 'calls');
  if (queues.length === 0)
    return (
      <section class="card">
        {loaded ? (
          <Empty icon="queue" title="There are no queues">
            <p>
              They are made by <code>queues</code> in <code>tandem.yaml</code>, or by a script.
            </p>
          </Empty>
        ) : (
          <p class="empty quiet">Asking the server…</p>
        )}
      </section>
    );
  return (
    <div class="queues">
      <h1 class="sr-only">Queues</h1>
      {session.role !== 'control' && (
        <p class="notice">
          <Icon name="lock" />
          Your role is “view”: you see everything here. Pausing agents needs the role “control”.
        </p>
      )}
      {queues.map((queue) => (
        <QueueCard key={queue.name} queue={queue} />
      ))}
    </div>
  );
}

function QueueCard({ queue }: { readonly queue: QueueInfo }) {
  const { name, callers, waiting, agents, left } = queue;
  const free = agents.filter(({ state }) => state === 'idle').length;
  const ends = Object.entries(left).filter(([, times]) => times > 0);
  const id = `queue-${name}`;
  return (
    <section class="card queue" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id} class="clip">
          {name}
        </h2>
        <span class={`chip num ${waiting > 0 ? 'accent' : ''}`}>{count(waiting)} waiting</span>
        <span class={`chip num ${free > 0 ? 'good' : ''}`}>
          {count(free)} of {count(agents.length)} agents free
        </span>
      </div>
      <div class="queue-parts">
        <Callers queue={name} callers={callers} more={waiting - callers.length} />
        <Agents queue={queue} />
      </div>
      {ends.length > 0 && (
        <p class="queue-left quiet num">
          So far: {ends.map(([end, times]) => `${count(times)} ${endWords[end] ?? end}`).join(', ')}.
        </p>
      )}
    </section>
  );
}

/** @returns the call that a leg belongs to */
function callOf(calls: Iterable<CallRow>, { sessionId }: QueueCaller): CallRow | undefined {
  for (const call of calls) if (call.legs.some((leg) => leg.sessionId === sessionId)) return call;
  return undefined;
}

interface CallersProps {
  readonly queue: string;
  readonly callers: readonly QueueCaller[];
  readonly more: number;
}

function Callers({ queue, callers, more }: CallersProps) {
  if (callers.length === 0) return <p class="queue-none quiet">Nobody waits.</p>;
  return (
    <div>
      <table class="data" aria-label={`Callers in ${queue}`}>
        <thead>
          <tr>
            <th scope="col" class="c-place">
              Place
            </th>
            <th scope="col">From</th>
            <th scope="col" class="c-waited">
              Waits
            </th>
            <th scope="col" class="c-rings">
              Rings
            </th>
          </tr>
        </thead>
        <tbody>
          {callers.map((caller) => (
            <CallerRow key={caller.sessionId} caller={caller} />
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="queue-left quiet num">And {count(more)} more.</p>}
    </div>
  );
}

function CallerRow({ caller }: { readonly caller: QueueCaller }) {
  const { live } = useConsole();
  const { position, priority, from, since, ringing } = caller;
  const call = callOf(live.calls.values(), caller);
  const name = from || 'unknown';
  return (
    <tr>
      <td class="c-place num">
        {position}
        {priority !== 0 && <span class="quiet" title={`Priority ${priority}`}>{` (${priority})`}</span>}
      </td>
      <td>
        {call ? (
          <a class="row-link" href={callHref(call.id)}>
            <b>{name}</b>
          </a>
        ) : (
          <b class="clip">{name}</b>
        )}
      </td>
      <td class="c-waited">
        <Duration since={since} />
      </td>
      <td class="c-rings" title={ringing.join(', ')}>
        {ringing.length > 0 ? ringing.join(', ') : <span class="quiet">–</span>}
      </td>
    </tr>
  );
}

function Agents({ queue: { name, agents } }: { readonly queue: QueueInfo }) {
  const { api, say, session } = useConsole();
  const act = (method: string, agent: string, done: string): void => {
    api.rpc(method, [name, agent]).then(
      () => say(done),
      (cause: Error) => say(cause.message, 'bad'),
    );
  };
  if (agents.length === 0) return <p class="queue-none quiet">It has no agents.</p>;
  return (
    <table class="data" aria-label={`Agents of ${name}`}>
      <thead>
        <tr>
          <th scope="col">Agent</th>
          <th scope="col" class="c-agent-state">
            State
          </th>
          <th scope="col" class="c-calls">
            Taken
          </th>
          <th scope="col" class="c-calls">
            Missed
          </th>
          <th scope="col" class="c-pause">
            <span class="sr-only">Pause</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {agents.map(({ name: agent, state, taken, missed }) => {
          const { text, tone } = agentWords[state];
          const paused = state === 'paused';
          return (
            <tr key={agent}>
              <td title={agent}>
                <b>{agent}</b>
              </td>
              <td class="c-agent-state">
                <span class={`chip dot ${tone}`}>
                  <span class="clip">{text}</span>
                </span>
              </td>
              <td class="c-calls num">{count(taken)}</td>
              <td class="c-calls num">{count(missed)}</td>
              <td class="c-pause">
                <button
                  type="button"
                  class="button small"
                  disabled={session.role !== 'control'}
                  onClick={() =>
                    paused
                      ? act('queue.resume', agent, `${agent} gets calls of ${name} again.`)
                      : act('queue.pause', agent, `${agent} gets no calls of ${name}.`)
                  }
                >
                  {paused ? 'Resume' : 'Pause'}
                  <span class="sr-only">{agent}</span>
                </button>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
