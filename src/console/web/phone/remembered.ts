/** What the page remembers: server and user for good; the password only if asked to, and only while this tab is open. */

const placeKey = 'tandem-phone';
const passwordKey = 'tandem-phone-password';
const soundKey = 'tandem-phone-sound';

export interface Remembered {
  readonly user: string;
  /** One that was typed in; others are told anew by the page's own server. */
  readonly server?: string;
}

export interface SoundChoice {
  readonly microphone: string;
  readonly speaker: string;
  /** Echo cancelling, noise suppression and automatic gain, as the browser does them. */
  readonly processing: boolean;
}

export function remembered(): Partial<Remembered> {
  return read(() => localStorage, placeKey);
}

export function rememberedPassword(): string | undefined {
  const { password } = read<{ password: string }>(() => sessionStorage, passwordKey);
  return typeof password === 'string' ? password : undefined;
}

/** @param password undefined: it is forgotten */
export function remember(place: Remembered, password: string | undefined): void {
  write(() => localStorage, placeKey, place);
  write(() => sessionStorage, passwordKey, password === undefined ? undefined : { password });
}

export function forgetPassword(): void {
  write(() => sessionStorage, passwordKey, undefined);
}

export function soundChoice(): SoundChoice {
  return { microphone: '', speaker: '', processing: true, ...read<SoundChoice>(() => localStorage, soundKey) };
}

export function rememberSound(choice: SoundChoice): void {
  write(() => localStorage, soundKey, choice);
}

/** Storage may be refused: then nothing is remembered. */
function read<T extends object>(storage: () => Storage, key: string): Partial<T> {
  try {
    const value: unknown = JSON.parse(storage().getItem(key) ?? '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function write(storage: () => Storage, key: string, value: object | undefined): void {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // As above.
  }
}
