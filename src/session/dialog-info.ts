/** Who is on the phone, as lamps show it: the dialogs of each user, and their XML (RFC 4235). */

export const dialogInfoType = 'application/dialog-info+xml';

export interface UserDialog {
  readonly id: string;
  /** Seen from the user: it called, or was called. */
  readonly direction: 'initiator' | 'recipient';
  readonly state: 'trying' | 'early' | 'confirmed';
}

/** The calls of each user at this moment. */
export class UserDialogs {
  readonly #byUser = new Map<string, Map<string, UserDialog>>();
  readonly #users = new Map<string, string>();

  of(user: string): Iterable<UserDialog> {
    return this.#byUser.get(user)?.values() ?? [];
  }

  /** A call of the user began. @param id of the session */
  begin(user: string, dialog: UserDialog): void {
    this.#users.set(dialog.id, user);
    const dialogs = this.#byUser.get(user) ?? new Map<string, UserDialog>();
    this.#byUser.set(user, dialogs.set(dialog.id, dialog));
  }

  /** @returns whose call it is; undefined if nobody's, or nothing changed */
  turn(id: string, state: UserDialog['state']): string | undefined {
    const user = this.#users.get(id);
    const dialog = user === undefined ? undefined : this.#byUser.get(user)?.get(id);
    if (user === undefined || !dialog || dialog.state === state) return undefined;
    this.#byUser.get(user)?.set(id, { ...dialog, state });
    return user;
  }

  /** @returns whose call it was */
  end(id: string): string | undefined {
    const user = this.#users.get(id);
    if (user === undefined) return undefined;
    this.#users.delete(id);
    const dialogs = this.#byUser.get(user);
    dialogs?.delete(id);
    if (dialogs?.size === 0) this.#byUser.delete(user);
    return user;
  }
}

/** Dialogs of a user that are told of: a message has its bounds, and a lamp is lit by one. */
const most = 50;

/** Their whole state: what is not in it is over (RFC 4235 §4.3). */
export function printDialogInfo(entity: string, version: number, dialogs: Iterable<UserDialog>): string {
  const lines = [...dialogs]
    .slice(0, most)
    .map(
      ({ id, direction, state }) =>
        `  <dialog id="${escaped(id)}" direction="${direction}"><state>${state}</state></dialog>\r\n`,
    );
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n' +
    `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="${version}" state="full" entity="${escaped(entity)}">\r\n` +
    `${lines.join('')}</dialog-info>\r\n`
  );
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (char) => entities[char] ?? '');
}
