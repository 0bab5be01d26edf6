/** The credentials of both sides, as checks use them (RFC 8445 §7.1.1, §7.2.2). */
import type { HmacSha1 } from '../srtp/sha1.ts';
import { shortTermKey } from '../stun/integrity.ts';
import type { StunReader } from '../stun/reader.ts';
import type { IceCredentials } from './types.ts';

export class IceKeys {
  readonly credentials: IceCredentials;
  /** Of requests to us and our answers to them. */
  readonly local: HmacSha1;
  /** What USERNAME of a request to us is, or begins with while the peer's half is not known. */
  #expected = '';
  #remote: HmacSha1 | undefined;
  #peer: IceCredentials | undefined;

  constructor(local: IceCredentials, remote: IceCredentials | undefined) {
    this.credentials = local;
    this.local = shortTermKey(local.pwd);
    this.peer = remote;
  }

  get peer(): IceCredentials | undefined {
    return this.#peer;
  }

  /** The answer came, and with it the peer's. */
  set peer(remote: IceCredentials | undefined) {
    this.#peer = remote;
    this.#remote = undefined;
    this.#expected = `${this.credentials.ufrag}:${remote?.ufrag ?? ''}`;
  }

  /**
   * Whether a request is meant for us. By RFC 8445 our half of the name tells; but an offer may reach several phones
   * (RFC 3261 §16.6), each with a half of its own, and only one of them is the peer.
   */
  isFor(request: StunReader): boolean {
    return request.usernameIs(this.#expected, this.#peer !== undefined);
  }

  /** USERNAME of our requests. */
  get username(): string {
    return `${this.#peer?.ufrag ?? ''}:${this.credentials.ufrag}`;
  }

  /** Of our requests and of answers to them; undefined while the peer's password is not known. */
  get remote(): HmacSha1 | undefined {
    if (!this.#remote && this.#peer) this.#remote = shortTermKey(this.#peer.pwd);
    return this.#remote;
  }
}
