const keys: readonly (readonly [string, string])[] = [
  ['1', ''],
  ['2', 'ABC'],
  ['3', 'DEF'],
  ['4', 'GHI'],
  ['5', 'JKL'],
  ['6', 'MNO'],
  ['7', 'PQRS'],
  ['8', 'TUV'],
  ['9', 'WXYZ'],
  ['*', ''],
  ['0', '+'],
  ['#', ''],
];
interface Props {
  readonly label: string;
  readonly onKey: (key: string) => void;
}

export function KeyPad({ label, onKey }: Props) {
  return (
    <fieldset class="pad" aria-label={label}>
      {keys.map(([key, letters]) => (
        <button key={key} type="button" aria-label={`${key} ${letters}`.trim()} onClick={() => onKey(key)}>
          <span class="num">{key}</span> <small>{letters}</small>
        </button>
      ))}
    </fieldset>
  );
}
