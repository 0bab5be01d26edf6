/** Where the audio of a leg is bound and what SDP says of it: at the listener that its signalling takes. */
import { TandemError } from '../base/errors.ts';
import type { SipEndpoint, SipListener } from '../sip/endpoint.ts';
import { kinds } from '../sip/transport/kinds.ts';
import type { InviteOptions, InviteTarget } from './dialog-client-session.ts';
import type { MediaPlace } from './dialog-media.ts';

export interface MediaPlacesPorts {
  readonly endpoint: Pick<SipEndpoint, 'listeners' | 'wayTo'>;
  /** What SDP is to say of a listener instead of its own address. */
  externalIp(listener: SipListener): string | undefined;
  /** The address of ours that packets to this peer leave from. */
  localAddress(peer: string): string;
  /** Every address of ours of the family of this one. */
  localAddresses(like: string): readonly string[];
}

export class MediaPlaces {
  readonly #ports: MediaPlacesPorts;

  constructor(ports: MediaPlacesPorts) {
    this.#ports = ports;
  }

  /** @param peer address that the signalling goes to */
  at(listener: SipListener, peer: string): MediaPlace {
    const bindAddress = listener.host;
    const anywhere = isWildcard(bindAddress);
    const own = anywhere ? this.#ports.localAddress(peer) : bindAddress;
    const { transport } = listener;
    const external = this.#ports.externalIp(listener);
    // Where everybody is to see one address, the others are nobody's business.
    const others = anywhere && external === undefined ? this.#ports.localAddresses(own) : [];
    return {
      bindAddress,
      address: external ?? own,
      secure: kinds[transport].secure,
      web: transport === 'ws' || transport === 'wss',
      others: others.filter((address) => address !== own),
    };
  }

  /** Of a call to `target`, which is looked up. @throws TandemError ERR_STATE without any listener */
  async towards(target: InviteTarget, { transport, proxy, route }: InviteOptions): Promise<MediaPlace> {
    const { endpoint } = this.#ports;
    const place = typeof target === 'string' ? { uri: target } : target;
    const { through } = place;
    if (through) return this.at(through.listener, through.address);
    const way = await endpoint.wayTo(proxy ?? route?.[0] ?? place.route?.[0] ?? place.uri, transport);
    if (way) return this.at(way.listener, way.address);
    const [listener] = endpoint.listeners;
    if (!listener) throw new TandemError('ERR_STATE', 'this Tandem has no listener');
    // The call will fail for want of a way; that is for SIP to say.
    return this.at(listener, listener.host);
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
