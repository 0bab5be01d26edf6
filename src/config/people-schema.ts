/** Who may call, and whom we call: users and trunks. */
import { z } from 'zod';
import { quoted, text } from './schema-pieces.ts';

export const userSchema = z
  .strictObject({
    password: text.optional().describe('what the phone is set up with'),
    ha1: quoted
      .regex(/^[0-9a-fA-F]{32}$/, 'expected 32 hexadecimal digits')
      .optional()
      .describe('instead of the password: MD5 of name:realm:password'),
    callerId: z.string().min(1).optional().describe('what the called see: a number, or Name <number>'),
    callLimit: z.int().min(1).max(100_000).optional().describe('calls at once, from and to the user; default any'),
  })
  .refine(({ password, ha1 }) => (password === undefined) !== (ha1 === undefined), 'needs a password or an ha1');

export const trunkSchema = z.strictObject({
  uri: text.describe('the provider: a host, host:port or SIP URI; a name without port is looked up by NAPTR and SRV'),
  transport: z.enum(['udp', 'tcp', 'tls', 'ws', 'wss']).optional(),
  gateways: z.array(text).optional().describe('more of them, in the order to try when one cannot take a call'),
  username: text.optional(),
  password: text.optional().describe('better TANDEM_TRUNKS_<NAME>_PASSWORD, or …_PASSWORD_FILE, which names a file'),
  proxy: text.optional().describe('a SIP URI to send through'),
  register: z
    .union([z.boolean(), z.strictObject({ expires: z.int().min(30).max(604_800).describe('seconds') })])
    .default(false)
    .describe('keep username registered; without, the provider knows us by our address'),
  callerId: z
    .strictObject({
      fixed: text.optional().describe('this number for every call; default the number of the caller'),
      strip: text.optional().describe('taken off the front of it'),
      add: text.optional().describe('put before it'),
      displayName: text.optional(),
      header: z.enum(['from', 'p-asserted-identity', 'p-preferred-identity']).default('from'),
    })
    .optional(),
  qualify: z.int().min(0).max(86_400).default(0).describe('seconds between the OPTIONS for each gateway; 0 for none'),
  codecs: z.array(text).min(1).optional().describe('in order of preference; default media.codecs'),
  srtp: z.enum(['off', 'optional', 'required', 'dtls']).optional().describe('default media.srtp'),
  ice: z.boolean().optional().describe('offer ICE'),
  maxChannels: z.int().min(1).optional().describe('calls at once, both directions'),
  maxCallsPerSecond: z.number().positive().optional().describe('new calls to the provider'),
  trusted: z.array(text).optional().describe('addresses and ranges that calls of this trunk come from'),
  inboundUser: text.optional().describe('whom incoming calls are for: uri (default), to, or this one'),
  responseTimeout: z
    .int()
    .min(100)
    .max(60_000)
    .optional()
    .describe('ms of silence after which the next gateway is tried'),
  testNumber: text.optional().describe('what `tandem trunk check` calls'),
});
