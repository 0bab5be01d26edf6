/** Everything about one call, while it runs and after. */
import { useEffect, useState } from 'preact/hooks';
import type { CallDetail as Detail } from '../../protocol.ts';
import { CallDetail } from './call-detail.tsx';
import { useConsole, useLive } from './console-context.ts';
import { Empty } from './pieces.tsx';

export function CallPage({ id }: { readonly id: string }) {
  const { connection } = useConsole();
  const live = useLive('watched');
  useEffect(() => {
    connection.watch(id);
    return () => connection.unwatch(id);
  }, [connection, id]);
  const detail = live.watched.get(id);
  if (detail) return <CallDetail detail={detail} />;
  return live.watched.has(id) ? <Gone why="This call has ended" /> : <Asking />;
}

export function FinishedCallPage({ id }: { readonly id: string }) {
  const { api } = useConsole();
  const [detail, setDetail] = useState<Detail | undefined>(undefined);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  useEffect(() => {
    const stop = new AbortController();
    api.finishedCall(id, stop.signal).then(setDetail, (error: Error) => {
      if (!stop.signal.aborted) setProblem(error.message);
    });
    return () => stop.abort();
  }, [api, id]);
  if (detail) return <CallDetail detail={detail} finished />;
  return problem === undefined ? <Asking /> : <Gone why={`There is nothing of this call: ${problem}`} />;
}

function Asking() {
  return (
    <section class="card">
      <h1 class="sr-only">Call</h1>
      <p class="empty quiet">Asking the server…</p>
    </section>
  );
}

function Gone({ why }: { readonly why: string }) {
  return (
    <section class="card">
      <h1 class="sr-only">Call</h1>
      <Empty icon="phone" title={why}>
        <p>
          Look among the <a href="#/finished">finished calls</a>, or go back to the <a href="#/">live calls</a>.
        </p>
      </Empty>
    </section>
  );
}
