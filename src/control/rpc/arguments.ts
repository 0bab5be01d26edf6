/**
 * The arguments of a command, read one after the other. `kamcmd` sends whatever looks like a number as one, so that a
 * number is taken where a text is asked for, and a text of digits where a number is.
 */
import { RpcFault } from './fault.ts';
import type { RpcInput, RpcScalar } from './value.ts';

export class RpcArguments {
  /** As it came, for a command that takes names. */
  readonly input: RpcInput;
  readonly #values: readonly RpcScalar[];
  #next = 0;

  /** @param input of an object the order of its members counts, as it does to Kamailio; they are scalars then */
  constructor(input: RpcInput) {
    this.#values = isByPlace(input) ? input : (Object.values(input) as RpcScalar[]);
    this.input = input;
  }

  /** How many are left. */
  get left(): number {
    return this.#values.length - this.#next;
  }

  /** As it was sent. @throws RpcFault 400 when there is none */
  scalar(): RpcScalar {
    return this.#take() ?? this.#missing('any');
  }

  /**
   * @param type as the fault calls it: Kamailio says `any` where it takes numbers as well
   * @throws RpcFault 400 when there is none
   */
  string(type: 'string' | 'any' = 'string'): string {
    return this.optionalString() ?? this.#missing(type);
  }

  /** Undefined when there is none, and for a number: where Kamailio takes nothing but a text. */
  text(): string | undefined {
    const value = this.#take();
    return typeof value === 'string' ? value : undefined;
  }

  optionalString(): string | undefined {
    const value = this.#take();
    return value === undefined ? undefined : String(value);
  }

  /** @throws RpcFault 400 when there is none, or it is no whole number */
  int(): number {
    return this.optionalInt() ?? this.#missing('int');
  }

  /** Undefined when there is none, and for what is no whole number. */
  tryInt(): number | undefined {
    const value = this.#take();
    return value === undefined ? undefined : wholeNumber(value);
  }

  /** @throws RpcFault 400 for what is no whole number */
  optionalInt(): number | undefined {
    const value = this.#take();
    if (value === undefined) return undefined;
    const number = wholeNumber(value);
    if (number !== undefined) return number;
    throw new RpcFault(400, `error at parameter ${this.#next - 1}: expected int type but type mismatch in parameters`);
  }

  #take(): RpcScalar | undefined {
    const value = this.#values[this.#next];
    if (value !== undefined) this.#next++;
    return value;
  }

  #missing(type: string): never {
    throw new RpcFault(400, `error at parameter ${this.#next}: expected ${type} type but end of packet encountered`);
  }
}

/** False: by names. */
export function isByPlace(input: RpcInput): input is readonly RpcScalar[] {
  return Array.isArray(input);
}

function wholeNumber(value: RpcScalar): number | undefined {
  const number = typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
