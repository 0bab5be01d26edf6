/** Buttons that say how much of the past is shown. */
interface SpanSwitchProps<T extends string> {
  readonly names: readonly T[];
  readonly chosen: T;
  readonly choose: (name: T) => void;
}

export function SpanSwitch<T extends string>({ names, chosen, choose }: SpanSwitchProps<T>) {
  return (
    <fieldset class="segments">
      <legend class="sr-only">Time shown</legend>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          class="button small"
          aria-pressed={chosen === name}
          onClick={() => choose(name)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
