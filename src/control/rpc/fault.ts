/** A command that cannot be done. Codes and texts are Kamailio's, where it has the same fault. */
import { TandemError } from '../../base/errors.ts';

export class RpcFault extends TandemError {
  override readonly name = 'RpcFault';
  /** 400 wrong arguments, 404 no such thing, 500 everything else. */
  readonly fault: number;

  constructor(fault: number, message: string, cause?: unknown) {
    super('ERR_RPC', message, { facts: { fault }, cause });
    this.fault = fault;
  }
}
