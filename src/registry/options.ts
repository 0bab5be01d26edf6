/** What a registry is made with, under Kamailio's names in camelCase; times are seconds, as there. */
import { ConfigError, messageOf } from '../base/errors.ts';
import { checkHeaders } from '../sip/check-headers.ts';
import type { HeaderField } from '../sip/message.ts';

const autoProfileValues = ['fromUri', 'toUri', 'fromUser', 'toUser', 'none'] as const;
/** What of a call's INVITE goes into a profile by itself. */
export type AutoProfileValue = (typeof autoProfileValues)[number];

export interface RegistryOptions {
  /** Slots that calls are sorted into, a power of two (else rounded down); default 4096. */
  readonly hashSize?: number;
  /** Where the numbers of calls begin; default 0. */
  readonly hIdStart?: number;
  /** The distance of two numbers, for several servers that share a view: up to 65,535; default 1. */
  readonly hIdStep?: number;
  /** Seconds that an answered call lives, unless `setTimeout` says another; default 43,200. */
  readonly defaultTimeout?: number;
  /** Seconds until a call that nobody answers is ended; default 300. */
  readonly earlyTimeout?: number;
  /** Seconds that an answered call may be without ACK; default 60. */
  readonly noackTimeout?: number;
  /** Seconds after which a call that is over is forgotten although a peer has not said so; default 300. */
  readonly endTimeout?: number;
  /** Whether a call whose time is up is hung up, or only no longer followed; default true. */
  readonly sendBye?: boolean;
  /** Requests in a call do not begin its time anew; default false. */
  readonly timeoutNoreset?: boolean;
  /** Seconds between two looks at which call is to be asked (OPTIONS); 0, the default, asks nobody. */
  readonly kaTimer?: number;
  /** Seconds between two OPTIONS to a peer: 0, or 30 and more. */
  readonly kaInterval?: number;
  /** So many OPTIONS without an answer end the call; default 1. */
  readonly kaFailedLimit?: number;
  /** Names of profiles with a value: a list, or a text with `;` or `,` between them. */
  readonly profilesWithValue?: readonly string[] | string;
  readonly profilesNoValue?: readonly string[] | string;
  /** Each call goes into these profiles when it begins, with the value of that name. */
  readonly autoProfiles?: Readonly<Record<string, AutoProfileValue>>;
  /** An INVITE with the Call-ID of a leg of ours belongs to the call of that leg; default true. */
  readonly detectSpirals?: boolean;
  /** What an unanswered caller is told when its call is ended from here; default 480. */
  readonly byeEarlyCode?: number;
  readonly byeEarlyReason?: string;
  /** Header lines of every BYE of ours, as `X-Reason: limit\r\n`. */
  readonly dlgExtraHdrs?: string;
  /** Header lines more of those to the callee. */
  readonly lreqCalleeHeaders?: string;
  /** Who calls in `bridgeDlg`; default our own address. */
  readonly bridgeController?: string;
}

export type RegistrySettings = Required<
  Omit<
    RegistryOptions,
    'profilesWithValue' | 'profilesNoValue' | 'bridgeController' | 'dlgExtraHdrs' | 'lreqCalleeHeaders'
  >
> & {
  readonly profilesWithValue: readonly string[];
  readonly profilesNoValue: readonly string[];
  readonly bridgeController: string | undefined;
  readonly dlgExtraHdrs: readonly HeaderField[];
  readonly lreqCalleeHeaders: readonly HeaderField[];
};

/** @throws ConfigError for what cannot be */
export function registrySettings(options: RegistryOptions = {}): RegistrySettings {
  const { hashSize = 4096, kaInterval = 0, autoProfiles = {}, bridgeController } = options;
  const settings: RegistrySettings = {
    hashSize: 2 ** Math.floor(Math.log2(Math.max(1, hashSize))),
    hIdStart: whole('hIdStart', options.hIdStart ?? 0, 0),
    hIdStep: whole('hIdStep', options.hIdStep ?? 1, 1),
    defaultTimeout: whole('defaultTimeout', options.defaultTimeout ?? 43_200, 1),
    earlyTimeout: whole('earlyTimeout', options.earlyTimeout ?? 300, 1),
    noackTimeout: whole('noackTimeout', options.noackTimeout ?? 60, 1),
    endTimeout: whole('endTimeout', options.endTimeout ?? 300, 1),
    sendBye: options.sendBye ?? true,
    timeoutNoreset: options.timeoutNoreset ?? false,
    kaTimer: whole('kaTimer', options.kaTimer ?? 0, 0),
    kaInterval: whole('kaInterval', kaInterval, 0),
    kaFailedLimit: whole('kaFailedLimit', options.kaFailedLimit ?? 1, 1),
    profilesWithValue: profileNames('profilesWithValue', options.profilesWithValue),
    profilesNoValue: profileNames('profilesNoValue', options.profilesNoValue),
    autoProfiles,
    detectSpirals: options.detectSpirals ?? true,
    byeEarlyCode: options.byeEarlyCode ?? 480,
    byeEarlyReason: options.byeEarlyReason ?? 'Temporarily Unavailable',
    dlgExtraHdrs: headerLines('dlgExtraHdrs', options.dlgExtraHdrs),
    lreqCalleeHeaders: headerLines('lreqCalleeHeaders', options.lreqCalleeHeaders),
    bridgeController,
  };
  if (hashSize < 1 || hashSize > 2 ** 20) throw new ConfigError(`registry.hashSize is 1 to 1048576, not ${hashSize}`);
  // Numbers are of 31 bits: by a larger step they come round so soon that none is free.
  if (settings.hIdStep > 65_535) throw new ConfigError(`registry.hIdStep is 1 to 65535, not ${settings.hIdStep}`);
  if (kaInterval > 0 && kaInterval < 30)
    throw new ConfigError(`registry.kaInterval is 0, or 30 and more, not ${kaInterval}`);
  if (settings.byeEarlyCode < 400 || settings.byeEarlyCode > 699)
    throw new ConfigError(`registry.byeEarlyCode is a status from 400 to 699, not ${settings.byeEarlyCode}`);
  const twice = settings.profilesWithValue.find((name) => settings.profilesNoValue.includes(name));
  if (twice !== undefined) throw new ConfigError(`the profile ${twice} is with and without a value`);
  for (const [name, value] of Object.entries(autoProfiles)) {
    if (!autoProfileValues.includes(value))
      throw new ConfigError(`registry.autoProfiles: ${name} is by ${autoProfileValues.join(', ')}, not ${value}`);
    const known = value === 'none' ? settings.profilesNoValue : settings.profilesWithValue;
    if (!known.includes(name))
      throw new ConfigError(
        `registry.autoProfiles: ${name} is not in ${value === 'none' ? 'profilesNoValue' : 'profilesWithValue'}`,
      );
  }
  return settings;
}

function whole(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value <= 2 ** 31 - 1) return value;
  throw new ConfigError(`registry.${name} is a whole number from ${least}, not ${value}`);
}

function profileNames(key: string, names: readonly string[] | string = []): readonly string[] {
  const list = (typeof names === 'string' ? names.split(/[;,]/) : names).map((name) => name.trim());
  const given = list.filter((name) => name !== '');
  for (const name of given)
    if (!/^[A-Za-z0-9_]{1,64}$/.test(name))
      throw new ConfigError(`registry.${key}: a name has letters, digits and _, not ${JSON.stringify(name)}`);
  const twice = given.find((name, index) => given.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(`registry.${key} names ${twice} twice`);
  return given;
}

function headerLines(key: string, text = ''): readonly HeaderField[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const headers = lines.map((line): HeaderField => {
    const [, name, value] = /^([A-Za-z0-9!%*_+`'~.-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) return [name, value];
    throw new ConfigError(`registry.${key}: ${JSON.stringify(line)} is no header line (Name: value)`);
  });
  // A BYE that cannot be sent would keep the call.
  try {
    checkHeaders(headers);
  } catch (error) {
    throw new ConfigError(`registry.${key}: ${messageOf(error)}`);
  }
  return headers;
}
