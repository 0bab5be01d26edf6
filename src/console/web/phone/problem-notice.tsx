import { Icon } from '../shared/icon.tsx';
import type { Problem } from './words.ts';

interface Props {
  readonly problem: Problem;
  readonly onClose?: () => void;
}

export function ProblemNotice({ problem: { title, advice, link }, onClose }: Props) {
  return (
    <div class="notice bad phone-problem" role="alert">
      <Icon name="warn" />
      <div>
        <strong>{title}</strong>
        <p>{advice}</p>
        {link !== undefined && <a href={link}>{link}</a>}
      </div>
      {onClose && (
        <button type="button" class="button bare square small" aria-label="Close this message" onClick={onClose}>
          <Icon name="close" />
        </button>
      )}
    </div>
  );
}
