/** What goes into the log: everything the observer tells but for single SIP messages, and everything of the registry. */
import { messageOf } from '../../base/errors.ts';
import type { Unsubscribe } from '../../base/events.ts';
import type { Logger } from '../../base/log.ts';
import type { TandemEvents } from '../../session/events.ts';
import type { HttpSubject } from '../http/subject.ts';
import { dialogEventData, dialogEventNames } from './dialogs.ts';
import type { EventLog } from './log.ts';

/** Dozens for each call: they are for traces. */
type LeftOut = 'sip:request' | 'sip:response' | 'sip:timer';

const names: Readonly<Record<Exclude<keyof TandemEvents, LeftOut>, true>> = {
  'call:created': true,
  'call:recovered': true,
  'call:early': true,
  'call:answered': true,
  'call:confirmed': true,
  'call:replaced': true,
  'call:held': true,
  'call:resumed': true,
  'call:parked': true,
  'call:taken': true,
  'call:unparked': true,
  'call:ended': true,
  'conference:joined': true,
  'conference:left': true,
  'conference:speaker': true,
  'conference:ended': true,
  'media:started': true,
  'media:dtmf': true,
  'media:stats': true,
  'media:timeout': true,
  'media:srtp': true,
  'media:ice': true,
  'media:dtls': true,
  'media:failed': true,
  'recording:failed': true,
  'queue:entered': true,
  'queue:ringing': true,
  'queue:missed': true,
  'queue:answered': true,
  'queue:left': true,
  'queue:agent': true,
  'parking:parked': true,
  'parking:left': true,
  'voicemail:recorded': true,
  'voicemail:changed': true,
  'registrar:changed': true,
  'registration:registered': true,
  'registration:refreshed': true,
  'registration:failed': true,
  'registration:unregistered': true,
  'registration:qualified': true,
  'trunk:gateway': true,
  'sip:banned': true,
};

/** @returns the end of it */
export function logEvents({ tandem, registry, remote }: HttpSubject, log: EventLog, logger: Logger): Unsubscribe {
  const append = (name: string, data: object): void => {
    try {
      log.append(name, data);
    } catch (error) {
      logger.error({ event: name, error: messageOf(error) }, 'an event cannot be written as JSON');
    }
  };
  const ends = [
    ...(Object.keys(names) as (keyof typeof names)[]).map((name) =>
      tandem.observer.on(name, (data) => append(name, data)),
    ),
    ...(Object.keys(dialogEventNames) as (keyof typeof dialogEventNames)[]).map((name) =>
      registry?.on(name, (event) => append(dialogEventNames[name], dialogEventData(event))),
    ),
    ...(['operation:done', 'operation:failed'] as const).map((name) =>
      remote?.observer.on(name, (data) => append(name, data)),
    ),
  ];
  return () => {
    for (const end of ends) end?.();
  };
}
