/** How many INVITEs came, and what became of them before a handler saw them. */
export interface InviteReport {
  /** New INVITEs; those that the defence or a limit of SIP kept away are in its own counters. */
  readonly seen: number;
  /** That became a call, or a part of one. */
  readonly tracked: number;
  /** By the status that they got instead. */
  readonly rejected: Readonly<Record<number, number>>;
}

export class InviteCounts {
  #seen = 0;
  #tracked = 0;
  readonly #rejected: Record<number, number> = {};

  see(): void {
    this.#seen++;
  }

  track(): void {
    this.#tracked++;
  }

  reject(status: number): void {
    this.#rejected[status] = (this.#rejected[status] ?? 0) + 1;
  }

  get report(): InviteReport {
    return { seen: this.#seen, tracked: this.#tracked, rejected: { ...this.#rejected } };
  }
}
