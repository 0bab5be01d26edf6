/** What ring groups, queues and mailboxes are given of the house that they are in. */
import type { Media } from '../../media/index.ts';
import type { Clock } from '../base/clock.ts';
import type { Observer } from '../base/events.ts';
import type { Files } from '../base/io.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Registrar } from '../registrar/registrar.ts';
import type { DialogClientSession, InviteOptions, InviteTarget } from '../session/dialog-client-session.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import type { TandemEvents } from '../session/events.ts';
import type { SipEndpoint } from '../sip/endpoint.ts';
import type { SipResponse } from '../sip/message.ts';
import type { BodyOptions } from '../sip/options.ts';

export interface PbxPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observer: Observer<TandemEvents>;
  readonly files: Files;
  readonly media: Media;
  /** SUBSCRIBE is taken from when somebody may. */
  readonly endpoint: Pick<SipEndpoint, 'take'>;
  /** A request outside of any dialog. @throws TandemError */
  readonly ask: (
    target: InviteTarget,
    how: Pick<InviteOptions, 'from'>,
    method: string,
    content: BodyOptions,
  ) => Promise<SipResponse>;
  /** Where users are; undefined: members are URIs. */
  readonly registrar: Registrar | undefined;
  /** The calls that run now. */
  readonly calls: () => readonly DialogSession[];
  readonly find: (sessionId: string) => DialogSession | undefined;
  /** Makes an outgoing leg. */
  readonly leg: (target: InviteTarget, options: InviteOptions) => DialogClientSession;
  /** Path of a prompt that is shipped, by its name. */
  readonly prompt: (name: string) => string;
  readonly background: (work: Promise<unknown>) => void;
}

/** What the called see of the caller, and by which way they are called. */
export type MemberLegOptions = Pick<
  InviteOptions,
  'from' | 'displayName' | 'headers' | 'passHeaders' | 'trusted' | 'proxy' | 'username' | 'password' | 'codecs'
>;
