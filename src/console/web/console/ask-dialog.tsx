/** Asks for one thing before an action, or whether it is really meant. */
import type { TargetedKeyboardEvent } from 'preact';
import { Modal } from './pieces.tsx';

export interface AskFor {
  readonly title: string;
  readonly field: string;
  readonly placeholder: string;
  readonly hint: string;
  readonly submit: string;
  readonly pattern?: string;
  readonly long?: boolean;
}

/** As in a chat; with Shift it is a new line. */
function submitByEnter(event: TargetedKeyboardEvent<HTMLTextAreaElement>): void {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  event.currentTarget.form?.requestSubmit();
}

interface AskProps {
  readonly ask: AskFor;
  readonly onSubmit: (value: string) => void;
  readonly onClose: () => void;
}

export function AskDialog({ ask, onSubmit, onClose }: AskProps) {
  const { title, field, placeholder, hint, submit, pattern, long } = ask;
  const common = {
    id: 'ask-value',
    class: 'input',
    name: 'value',
    required: true,
    placeholder,
    'aria-describedby': 'ask-hint',
  } as const;
  return (
    <Modal title={title} onClose={onClose}>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          const value = String(new FormData(event.currentTarget).get('value') ?? '').trim();
          if (value !== '') onSubmit(value);
        }}
      >
        <h2>{title}</h2>
        <div class="field">
          <label for="ask-value">{field}</label>
          {long ? (
            <textarea {...common} rows={3} maxLength={4_096} onKeyDown={submitByEnter} />
          ) : (
            <input {...common} autocomplete="off" spellcheck={false} {...(pattern !== undefined && { pattern })} />
          )}
        </div>
        <p id="ask-hint" class="quiet">
          {hint}
        </p>
        <div class="ask-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            {submit}
          </button>
        </div>
      </form>
    </Modal>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly text: string;
  readonly submit: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function ConfirmDialog({ title, text, submit, onConfirm, onClose }: ConfirmProps) {
  return (
    <Modal title={title} onClose={onClose}>
      <div class="ask">
        <h2>{title}</h2>
        <p>{text}</p>
        <div class="ask-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" class="button solid-danger" onClick={onConfirm}>
            {submit}
          </button>
        </div>
      </div>
    </Modal>
  );
}
