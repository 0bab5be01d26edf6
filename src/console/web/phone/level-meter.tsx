import { useLevel } from './hooks.ts';

/** dBFS; below it nothing is drawn. */
const floor = -60;

export function LevelMeter({ label, stream }: { readonly label: string; readonly stream: MediaStream | undefined }) {
  const level = useLevel(stream);
  const share = Math.min(1, Math.max(0, (level - floor) / -floor));
  return (
    <div class="level">
      <span>{label}</span>
      <meter class="sr-only" aria-label={label} min={floor} max={0} value={Math.round(Math.max(floor, level))} />
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="level-back" width="100" height="6" />
        <rect class={level > -3 ? 'level-hot' : 'level-now'} width={100 * share} height="6" />
      </svg>
    </div>
  );
}
