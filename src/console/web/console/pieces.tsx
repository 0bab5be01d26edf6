/** Small things that several views show: a call's state, an address, a score, a time that runs. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { CallRow } from '../../protocol.ts';
import { Icon, type IconName } from '../shared/icon.tsx';
import { useNow } from './console-context.ts';
import { duration, shownUri } from './format.ts';
import { mosWord, security, stateWord } from './quality.ts';

export function StateChip({ call }: { readonly call: CallRow }) {
  const { text, tone } = stateWord(call);
  return (
    <span class={`chip dot ${tone}`}>
      <span class="clip">{text}</span>
    </span>
  );
}

export function Address({ uri }: { readonly uri: string }) {
  const { user, host } = shownUri(uri);
  return (
    <span class="address clip" title={uri}>
      <b>{user}</b>
      {host !== '' && <span class="quiet"> @{host}</span>}
    </span>
  );
}

export function Mos({ value }: { readonly value: number | undefined }) {
  if (value === undefined) return <span class="quiet">–</span>;
  const { text, tone } = mosWord(value);
  return (
    <span class={`mos ${tone} num`}>
      {value.toFixed(1)} <span>{text}</span>
    </span>
  );
}

/** How long it lasts, or has rung. */
export function Duration({ since }: { readonly since: number }) {
  return <span class="num">{duration(useNow() - since)}</span>;
}

/** Encrypted? Recorded? */
export function Marks({ call }: { readonly call: CallRow }) {
  const safe = security(call);
  const words = { all: 'Encrypted', part: 'One leg encrypted', none: 'Not encrypted' }[safe];
  return (
    <span class="marks">
      <span class={`mark lock-${safe}`} title={words}>
        <Icon name={safe === 'none' ? 'unlock' : 'lock'} />
        <span class="sr-only">{words}</span>
      </span>
      {call.recording && (
        <span class="mark rec" title="Being recorded">
          <i aria-hidden="true" />
          REC
          <span class="sr-only">, being recorded</span>
        </span>
      )}
    </span>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} />
      </span>
      <h3>{title}</h3>
      {children}
    </div>
  );
}

/** A modal dialog; Escape and a click beside it close it. */
export function Modal(props: {
  readonly title: string;
  readonly class?: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same by itself
    <dialog
      ref={dialog}
      class={props.class}
      aria-label={props.title}
      onClose={props.onClose}
      onClick={(event) => event.target === dialog.current && props.onClose()}
    >
      {props.children}
    </dialog>
  );
}
