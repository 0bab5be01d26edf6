/** RTP port pairs of one range (RFC 3550 §11: RTP on an even port, RTCP on the next). */
export class PortPairs {
  readonly #free: number[] = [];
  readonly #taken = new Set<number>();

  /** Both bounds inclusive. */
  constructor(min: number, max: number) {
    for (let port = min + (min % 2); port + 1 <= max; port += 2) this.#free.push(port);
    this.#free.reverse();
  }

  /** How many pairs can be taken. */
  get free(): number {
    return this.#free.length;
  }

  /** The pair that has been free for longest, so that late packets of an old call hit nobody. */
  take(): number | undefined {
    const port = this.#free.pop();
    if (port !== undefined) this.#taken.add(port);
    return port;
  }

  /** Takes this very pair, for a call that goes on. @returns false when it is in use or not of this range. */
  claim(port: number): boolean {
    const index = this.#free.indexOf(port);
    if (index < 0) return false;
    this.#free.splice(index, 1);
    this.#taken.add(port);
    return true;
  }

  release(port: number): void {
    if (this.#taken.delete(port)) this.#queue(port);
  }

  #queue(port: number): void {
    this.#free.unshift(port);
  }
}
