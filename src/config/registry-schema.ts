/**
 * The settings of the registry and of its database: the parameters of Kamailio's dialog module, in camelCase, with
 * their defaults. Times are seconds, as there.
 */
import { z } from 'zod';

const most = 2 ** 31 - 1;
const from = (least: number) => z.int().min(least).max(most);
/** Kamailio writes 0 and 1. */
const flag = z.union([z.boolean(), z.literal([0, 1])], 'expected true or false, 1 or 0').transform(Boolean);
const namesIn = (given: string | readonly string[]) => (typeof given === 'string' ? given.split(/[;,]/) : given);
/** A list, or a text with `;` or `,` between the names. */
const profiles = z
  .union([z.array(z.string()), z.string()], 'expected names, in a list or with ; between them')
  .refine(
    (given) => namesIn(given).every((one) => /^\s*\w{0,64}\s*$/.test(one)),
    'expected names of letters, digits and _, with ; between them',
  )
  .default([]);
const headerLines = z
  .string()
  .refine(
    (text) => text.split(/\r?\n/).every((line) => line.trim() === '' || /^[\w.!%*+`'~-]+[ \t]*:/.test(line)),
    'expected header lines, as "X-Reason: limit\\r\\n"',
  );
const uri = z.string().regex(/^sips?:\S+$/i, 'expected a SIP URI');
const name = z.string().regex(/^\w+$/, 'expected letters, digits and _');

/** Parameters that cannot mean anything here are taken all the same, and said to be of no use. */
const unused = {
  enableStats: flag,
  rrParam: z.string(),
  timeoutAvp: z.string(),
  dlgFlag: z.int().min(0).max(31),
  dlgMatchMode: z.int().min(0).max(2),
  bridgeContact: z.string(),
  ruriPvar: z.string(),
  initialCbsInscript: flag,
  waitAck: flag,
  xavpCfg: z.string(),
  timerProcs: from(0),
  trackCseqUpdates: flag,
  eventCallback: z.string(),
  keepProxyRr: z.int().min(0).max(3),
  dlgFilterMode: from(0),
  dlgCtxiuidMode: flag,
  debugVariables: flag,
  dlgMode: flag,
  enableDmqKaIflagsSync: flag,
  dmqPeerId: z.string(),
};

/** Why each of them means nothing. */
export const unusedBecause: Readonly<Record<keyof typeof unused, string>> = {
  enableStats: 'calls are always counted: it costs nothing',
  rrParam: 'we are an end of every dialog, and put no Record-Route into it',
  timeoutAvp: 'there are no AVPs: a script says call.setTimeout(seconds)',
  dlgFlag: 'every call is tracked; a script that does not want it says call.track(false)',
  dlgMatchMode: 'requests are matched by Call-ID and tags (Kamailio: 2)',
  bridgeContact: 'our Contact is the address that we listen on',
  ruriPvar: 'the Request-URI of every call is known',
  initialCbsInscript: '`created` always comes before the handler runs',
  waitAck: 'a call that failed is always kept until its ACK is in',
  xavpCfg: 'there are no XAVPs',
  timerProcs: 'all timers are on one wheel',
  trackCseqUpdates: 'each leg has a CSeq of its own, and credentials are ours to give',
  eventCallback: "there is no KEMI: a script says tandem.registry.on('dialog:start', …)",
  keepProxyRr: 'we put no Record-Route into a dialog',
  dlgFilterMode: 'every call has a socket of ours',
  dlgCtxiuidMode: 'a CANCEL always finds its call',
  debugVariables: 'variables are shown by dlg.list',
  dlgMode: 'states come from our own transactions',
  enableDmqKaIflagsSync: 'there is no DMQ',
  dmqPeerId: 'there is no DMQ',
};

const optional = <T extends Readonly<Record<string, z.ZodType>>>(shape: T) =>
  Object.fromEntries(Object.entries(shape).map(([key, type]) => [key, type.optional()])) as {
    [K in keyof T]: z.ZodOptional<T[K]>;
  };

export const registrySchema = z
  .strictObject({
    hashSize: z.int().min(1).max(1_048_576).default(4096).describe('slots; a power of two, else rounded down'),
    hIdStart: from(0).default(0).describe('where h_id begins'),
    hIdStep: z.int().min(1).max(65_535).default(1).describe('distance of two h_id'),
    defaultTimeout: from(1).default(43_200).describe('s that an answered call may last'),
    earlyTimeout: from(1).default(300).describe('s that a call may ring'),
    noackTimeout: from(1).default(60).describe('s that an answered call may be without ACK'),
    endTimeout: from(1).default(300).describe('s after which a call that is over is forgotten at the latest'),
    sendBye: flag.default(true).describe('hang up a call whose time is up; Kamailio: 0'),
    timeoutNoreset: flag.default(false).describe('requests in a call do not begin its time anew'),
    kaTimer: from(0).default(0).describe('s between two looks at which peer is to be asked (OPTIONS); 0 asks none'),
    kaInterval: from(0)
      .refine((seconds) => seconds === 0 || seconds >= 30, 'expected 0, or 30 and more')
      .default(0)
      .describe('s between two OPTIONS to a peer'),
    kaFailedLimit: from(1).default(1).describe('OPTIONS without an answer that end a call'),
    profilesWithValue: profiles.describe('profiles with a value; caller and user are always there'),
    profilesNoValue: profiles.describe('profiles without a value'),
    autoProfiles: z
      .record(z.string(), z.enum(['fromUri', 'toUri', 'fromUser', 'toUser', 'none']))
      .default({ caller: 'fromUri' })
      .describe('profiles that every call enters when it begins, and by which value'),
    detectSpirals: flag.default(true).describe('an INVITE of ours that comes back belongs to the call it was sent for'),
    byeEarlyCode: z.int().min(400).max(699).default(480).describe('what a caller is told whose call is ended early'),
    byeEarlyReason: z.string().min(1).default('Temporarily Unavailable'),
    dlgExtraHdrs: headerLines.default('').describe('header lines of every BYE of ours'),
    lreqCalleeHeaders: headerLines.default('').describe('header lines more of those to the callee'),
    bridgeController: uri.optional().describe('who calls in dlg.bridge_dlg; default our own address'),
    enableDmq: flag.default(false).describe('not available yet'),
    ...optional(unused),
  })
  .prefault({});

const modes = ['none', 'realtime', 'delayed', 'shutdown'] as const;
const mode = z
  .union(
    [z.enum(modes), z.literal([0, 1, 2, 3]), z.enum(['0', '1', '2', '3'])],
    `expected ${modes.join(', ')}, or 0 to 3`,
  )
  .transform((value) => modes.find((one, number) => value === one || Number(value) === number) ?? 'none');

export const storeSchema = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .default('sqlite:./data/tandem.db')
      .describe('the database: sqlite:<file>, postgres://user:password@host/name, mysql://… or "none"'),
    mode: mode.default('realtime').describe(`when dialogs are written: ${modes.join(', ')}, or 0 to 3`),
    serverName: z
      .string()
      .regex(/^[!-~]{1,64}$/, 'expected up to 64 letters, digits and signs, without a space')
      .optional()
      .describe('which rows are ours where several servers share a database; default the name of the machine'),
    required: flag.default(false).describe('without the database there is no start; else the server goes on without'),
    cdrRetentionDays: from(0).default(0).describe('days for which call detail records are kept; 0 for ever'),
    encryptionKey: z.string().min(1).optional().describe('seals what is needed to go on with a call; a passphrase'),
    dbUrl: z.string().min(1).optional().describe('the same as url'),
    dbMode: mode.optional().describe('the same as mode'),
    dbUpdatePeriod: from(1).default(60).describe('s between two writes in mode delayed'),
    dbFetchRows: from(0).default(200).describe('rows that are read at once; 0 for all'),
    dbSkipLoad: flag.default(false).describe('read nothing at the start'),
    tableName: name.default('dialog'),
    callIdColumn: name.default('callid'),
    fromUriColumn: name.default('from_uri'),
    fromTagColumn: name.default('from_tag'),
    toUriColumn: name.default('to_uri'),
    toTagColumn: name.default('to_tag'),
    hIdColumn: name.default('hash_id'),
    hEntryColumn: name.default('hash_entry'),
    stateColumn: name.default('state'),
    startTimeColumn: name.default('start_time'),
    timeoutColumn: name.default('timeout'),
    toCseqColumn: name.default('callee_cseq'),
    fromCseqColumn: name.default('caller_cseq'),
    toRouteColumn: name.default('callee_route_set'),
    fromRouteColumn: name.default('caller_route_set'),
    toContactColumn: name.default('callee_contact'),
    fromContactColumn: name.default('caller_contact'),
    toSockColumn: name.default('callee_sock'),
    fromSockColumn: name.default('caller_sock'),
    sflagsColumn: name.default('sflags'),
    torouteNameColumn: name.default('toroute_name'),
    varsTableName: name.default('dialog_vars'),
    varsHIdColumn: name.default('hash_id'),
    varsHEntryColumn: name.default('hash_entry'),
    varsKeyColumn: name.default('dialog_key'),
    varsValueColumn: name.default('dialog_value'),
  })
  .prefault({});

export type RegistryConfig = z.output<typeof registrySchema>;
export type StoreConfig = z.output<typeof storeSchema>;
