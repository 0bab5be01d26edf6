/** What a mailbox is told. */
import type { PlaySource } from '../../../media/index.ts';
import { Checks } from '../checks.ts';

export interface VoicemailOptions {
  /** Folder of all mailboxes; each has one of its own in it, by its name. */
  readonly folder: string;
  /** What callers hear, unless the owner has recorded another; default: a prompt that is shipped. */
  readonly greeting?: PlaySource;
  /** Bounds of a message; what is shorter is none. Default 1 and 180. */
  readonly minSeconds?: number;
  readonly maxSeconds?: number;
  /** ms of silence that end a message; default 5,000. */
  readonly maxSilence?: number;
  /** Messages that are kept at once; default 100. */
  readonly maxMessages?: number;
  /** What its owner has to enter to listen, 3 to 16 digits; default nothing. */
  readonly pin?: string;
  /** Of the times that are said, as `Europe/Berlin`; default: the machine's. */
  readonly timeZone?: string;
  /**
   * Who is told of messages (RFC 3842): phones that subscribed (true, the default); with `unsolicited` all phones of its
   * owner that are registered too; false: nobody.
   */
  readonly notify?: boolean | 'unsolicited';
  /** Users whose mailbox it is; default the one of its name. */
  readonly owners?: readonly string[];
}

/** @throws ConfigError */
export function checkedVoicemail(name: string, options: VoicemailOptions): VoicemailOptions {
  const checks = new Checks('voicemail', name);
  const { folder, minSeconds = 1, maxSeconds = 180, pin, timeZone, notify = true } = options;
  if (typeof folder !== 'string' || folder === '' || folder.includes('\0'))
    checks.fail(`folder is a path, not ${JSON.stringify(folder)}`);
  checks.whole('maxSeconds', maxSeconds, 1, 3600);
  if (!(Number.isFinite(minSeconds) && minSeconds >= 0 && minSeconds < maxSeconds))
    checks.fail(`minSeconds is a number of seconds less than maxSeconds, not ${minSeconds}`);
  checks.ms('maxSilence', options.maxSilence ?? 5000, 500);
  checks.whole('maxMessages', options.maxMessages ?? 100, 1, 9999);
  if (pin !== undefined && !/^\d{3,16}$/.test(pin)) checks.fail('pin is 3 to 16 digits');
  if (timeZone !== undefined) {
    try {
      new Intl.DateTimeFormat('en', { timeZone });
    } catch {
      checks.fail(`timeZone ${JSON.stringify(timeZone)} is unknown: use one as Europe/Berlin`);
    }
  }
  if (notify !== 'unsolicited' && typeof notify !== 'boolean')
    checks.fail(`notify is true, false or unsolicited, not ${JSON.stringify(notify)}`);
  return options;
}
