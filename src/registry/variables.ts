/** The variables of one call: a `Map` that tells when it changes. */
export class DialogVariables extends Map<string, string> {
  #onChange: (() => void) | undefined;

  /** @internal */
  watch(onChange: () => void): void {
    this.#onChange = onChange;
  }

  override set(name: string, value: string): this {
    super.set(name, value);
    this.#onChange?.();
    return this;
  }

  override delete(name: string): boolean {
    const had = super.delete(name);
    if (had) this.#onChange?.();
    return had;
  }

  override clear(): void {
    super.clear();
    this.#onChange?.();
  }
}
