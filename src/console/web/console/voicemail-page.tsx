/** Mailboxes, and the messages of one of them: to hear, to mark, to delete. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import type { MailboxInfo, MailboxMessage } from '../../protocol.ts';
import { Icon } from '../shared/icon.tsx';
import { messagePath } from './api.ts';
import { ConfirmDialog } from './ask-dialog.tsx';
import { useConsole, useLive, useNow } from './console-context.ts';
import { count, dateTime, duration } from './format.ts';
import { Empty } from './pieces.tsx';
import { mailboxHref } from './route.ts';
import { WavePlayer } from './wave-player.tsx';

interface Mailboxes {
  readonly boxes: readonly MailboxInfo[] | undefined;
  readonly error: string | undefined;
  readonly load: (signal: AbortSignal) => Promise<void>;
}

/** Asked for again whenever the server told that something in them changed. */
function useMailboxes(): Mailboxes {
  const { api } = useConsole();
  const { mailboxes, connection } = useLive('mailboxes', 'connection');
  const [boxes, setBoxes] = useState<readonly MailboxInfo[] | undefined>(undefined);
  const [error, setError] = useState<string | undefined>(undefined);
  const load = useCallback(
    async (signal: AbortSignal): Promise<void> => {
      try {
        setBoxes((await api.voicemail(signal)).boxes);
        setError(undefined);
      } catch (cause) {
        if (!signal.aborted) setError((cause as Error).message);
      }
    },
    [api],
  );
  useEffect(() => {
    const stop = new AbortController();
    if (connection !== 'lost') void load(stop.signal);
    return () => stop.abort();
  }, [load, mailboxes, connection]);
  return { boxes, error, load };
}

export function VoicemailPage({ box: name }: { readonly box?: string }) {
  const { session } = useConsole();
  const { boxes, error, load } = useMailboxes();
  const [first, setFirst] = useState<string | undefined>(undefined);
  // Once: what one looks at does not change as messages are heard.
  useEffect(() => {
    if (boxes && first === undefined) setFirst((boxes.find((one) => one.new > 0) ?? boxes[0])?.name);
  }, [boxes, first]);
  const wanted = name ?? first;
  const box = boxes?.find((one) => one.name === wanted);
  return (
    <section class="card list" aria-labelledby="voicemail">
      <div class="card-head list-head">
        <h1 id="voicemail">Voicemail</h1>
        <button type="button" class="button" onClick={() => void load(new AbortController().signal)}>
          Refresh
        </button>
      </div>
      {error !== undefined && (
        <p class="notice bad in-card" role="alert">
          <Icon name="warn" />
          {error}
        </p>
      )}
      {session.role !== 'control' && (
        <p class="notice in-card">
          <Icon name="lock" />
          Your role is “view”: you see who left messages. They are private: to hear, mark and delete them needs the role
          “control”.
        </p>
      )}
      {boxes && boxes.length > 0 && <BoxList boxes={boxes} chosen={box?.name} />}
      {box && <Messages key={box.name} box={box} onChange={load} />}
      {boxes && !box && (boxes.length === 0 || wanted !== undefined) && (
        <Empty icon="voicemail" title={boxes.length > 0 ? `There is no mailbox ${wanted}` : 'There are no mailboxes'}>
          {boxes.length === 0 && (
            <p>
              They are made by <code>voicemail</code> in <code>tandem.yaml</code>, or by a script.
            </p>
          )}
        </Empty>
      )}
      {!boxes && error === undefined && <p class="empty quiet">Asking the server…</p>}
    </section>
  );
}

function BoxList({ boxes, chosen }: { readonly boxes: readonly MailboxInfo[]; readonly chosen: string | undefined }) {
  return (
    <nav class="boxes" aria-label="Mailboxes">
      {boxes.map(({ name, new: fresh, saved, problem }) => (
        <a
          key={name}
          class="button"
          href={mailboxHref(name)}
          {...(name === chosen && { 'aria-current': 'page' as const })}
          title={`${count(fresh)} new, ${count(saved)} saved`}
        >
          <span class="clip">{name}</span>
          {problem !== undefined && <Icon name="warn" />}
          {fresh + saved > 0 && (
            <span class={`chip num ${fresh > 0 ? 'accent' : ''}`}>
              {count(fresh > 0 ? fresh : saved)} {fresh > 0 ? 'new' : 'saved'}
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

interface MessagesProps {
  readonly box: MailboxInfo;
  readonly onChange: (signal: AbortSignal) => Promise<void>;
}

function Messages({ box, onChange }: MessagesProps) {
  const { api, say } = useConsole();
  const [playing, setPlaying] = useState<string | undefined>(undefined);
  const [deleting, setDeleting] = useState<MailboxMessage | undefined>(undefined);
  const act = (method: string, params: readonly string[], done: string): void => {
    api
      .rpc(method, [box.name, ...params])
      .then(() => say(done))
      .catch((cause: Error) => say(cause.message, 'bad'))
      // Also when it failed: somebody else may have deleted it.
      .finally(() => void onChange(new AbortController().signal));
  };
  if (box.problem !== undefined)
    return (
      <p class="notice bad in-card" role="alert">
        <Icon name="warn" />
        The messages of {box.name} cannot be listed: {box.problem}.
      </p>
    );
  if (box.messages.length === 0) return <Empty icon="voicemail" title={`No message in ${box.name}`} />;
  return (
    <>
      <table class="data finished messages" aria-label={`Messages of ${box.name}`}>
        <thead>
          <tr>
            <th scope="col" class="c-address">
              From
            </th>
            <th scope="col" class="c-when">
              Left
            </th>
            <th scope="col" class="c-duration">
              Length
            </th>
            <th scope="col" class="c-result">
              State
            </th>
            <th scope="col" class="c-acts">
              Actions
            </th>
          </tr>
        </thead>
        <tbody>
          {box.messages.map((message) => (
            <Message
              key={message.id}
              box={box.name}
              message={message}
              open={playing === message.id}
              onPlay={() => setPlaying(playing === message.id ? undefined : message.id)}
              onMark={(state) => act('voicemail.mark', [message.id, state], `The message is ${state}.`)}
              onDelete={() => setDeleting(message)}
            />
          ))}
        </tbody>
      </table>
      {deleting && (
        <ConfirmDialog
          title="Delete this message?"
          text={`The message of ${caller(deleting)} in ${box.name} is gone for good, for its owner too.`}
          submit="Delete message"
          onConfirm={() => {
            setDeleting(undefined);
            act('voicemail.delete', [deleting.id], 'The message is deleted.');
            // The button that asked goes with its row.
            document.getElementById('main')?.focus({ preventScroll: true });
          }}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </>
  );
}

function caller({ from, fromName }: MailboxMessage): string {
  return from || fromName || 'somebody unknown';
}

interface MessageProps {
  readonly box: string;
  readonly message: MailboxMessage;
  readonly open: boolean;
  readonly onPlay: () => void;
  readonly onMark: (state: MailboxMessage['state']) => void;
  readonly onDelete: () => void;
}

function Message({ box, message, open, onPlay, onMark, onDelete }: MessageProps) {
  const { session } = useConsole();
  const now = useNow();
  const { id, at, durationMs, from, fromName, state } = message;
  const may = session.role === 'control';
  const other = state === 'new' ? 'saved' : 'new';
  const which = `the message of ${caller(message)}`;
  return (
    <>
      <tr class={open ? 'opened' : ''}>
        <td class="c-address">
          <span class="address clip">
            <b>{from || fromName || 'unknown'}</b>
            {from !== '' && fromName !== '' && <span class="quiet"> {fromName}</span>}
          </span>
        </td>
        <td class="c-when num">{dateTime(at, now)}</td>
        <td class="c-duration num">{duration(durationMs)}</td>
        <td class="c-result">
          <span class={`chip dot ${state === 'new' ? 'accent' : ''}`}>{state === 'new' ? 'New' : 'Saved'}</span>
        </td>
        <td class="c-acts">
          <button type="button" class="button small" disabled={!may} aria-expanded={open} onClick={onPlay}>
            <Icon name={open ? 'close' : 'wave'} />
            {open ? 'Close' : 'Listen'}
            <span class="sr-only">{open ? which : `to ${which}`}</span>
          </button>
          <button type="button" class="button small" disabled={!may} onClick={() => onMark(other)}>
            Mark {other}
            <span class="sr-only">{which}</span>
          </button>
          <button type="button" class="button small danger" disabled={!may} onClick={onDelete}>
            Delete
            <span class="sr-only">{which}</span>
          </button>
        </td>
      </tr>
      {open && (
        <tr class="player-row">
          <td colSpan={5}>
            <WavePlayer path={messagePath(box, id)} name={`voicemail-${box}-${id}.wav`} />
          </td>
        </tr>
      )}
    </>
  );
}
