/** Which recordings have had their time. */

export interface Lying {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Unix ms. */
  readonly endedAt: number;
  /** Neither held, nor being recorded, nor waiting to be uploaded. */
  readonly deletable: boolean;
}

export interface Limits {
  readonly keepForMs: number | undefined;
  readonly maxBytes: number | undefined;
}

export interface Expired {
  readonly name: string;
  readonly size: number;
  readonly why: 'age' | 'space';
}

/** The oldest first. @param now Unix ms */
export function expired(lying: readonly Lying[], { keepForMs, maxBytes }: Limits, now: number): readonly Expired[] {
  const found: Expired[] = [];
  let bytes = lying.reduce((sum, { size }) => sum + size, 0);
  for (const { name, size, endedAt, deletable } of lying.toSorted((a, b) => a.endedAt - b.endedAt)) {
    if (!deletable) continue;
    const why =
      keepForMs !== undefined && now - endedAt >= keepForMs
        ? 'age'
        : maxBytes !== undefined && bytes > maxBytes
          ? 'space'
          : undefined;
    if (!why) continue;
    bytes -= size;
    found.push({ name, size, why });
  }
  return found;
}
