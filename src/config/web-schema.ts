/** What is served by HTTP, and what browsers are told. */
import { z } from 'zod';
import { quoted, text } from './schema-pieces.ts';

const httpUser = z
  .strictObject({
    password: text.optional(),
    hash: quoted
      .regex(/^scrypt:[A-Za-z0-9_-]{16,64}:[A-Za-z0-9_-]{43}$/, 'expected what `tandem password` prints')
      .optional()
      .describe('instead of the password: what `tandem password` prints'),
    role: z.enum(['view', 'control']).default('view').describe('view: may read, and neither act nor listen in'),
  })
  .refine(({ password, hash }) => (password === undefined) !== (hash === undefined), 'needs a password or a hash');

const webhook = z.strictObject({
  url: quoted.regex(/^https?:\/\//, 'expected http:// or https://'),
  secret: text.describe('events are signed with it'),
  events: z.array(text).optional().describe('as call:* or dialog:terminated; default all'),
});

const iceServer = z
  .strictObject({
    urls: z
      .union([quoted, z.array(quoted).min(1)])
      .refine((urls) => [urls].flat().every((url) => /^(stuns?|turns?):[^\s]+$/i.test(url)), 'expected stun: or turn:')
      .describe('as stun:stun.example.com:3478 or turn:turn.example.com?transport=udp'),
    username: text.optional(),
    credential: text.optional(),
    secret: text.optional().describe('instead of both: shared with the TURN server, for credentials that end'),
    ttl: z.int().min(60).max(604_800).optional().describe('s that they are good for; default 86,400'),
  })
  .refine(
    (one) => (one.username === undefined) === (one.credential === undefined),
    'username and credential go together',
  )
  .refine((one) => one.secret === undefined || one.username === undefined, 'a secret takes the place of username');

export const httpSchema = z
  .strictObject({
    listen: quoted
      .regex(/^(none|.+:\d{1,5})$/, 'expected host:port, as 127.0.0.1:8080, or none')
      .default('127.0.0.1:8080')
      .describe('host:port of JSON-RPC, metrics, health and events; "none" opens none'),
    token: text.optional().describe('what a client has to show; needed where others can get there'),
    viewToken: text.optional().describe('shown by a client that may only read'),
    users: z
      .record(z.string().regex(/^[\w.@+-]{1,64}$/, 'a user is named by letters, digits and . + - _ @'), httpUser)
      .default({})
      .describe('who may log in to the console, by name'),
    makeToken: z
      .boolean()
      .default(false)
      .describe('where listen can be reached from elsewhere and nobody is named, a token is made and printed once'),
    tls: z.boolean().default(false).describe('HTTPS, and SIP over wss, at tlsListen; without tls.cert one is made'),
    tlsListen: quoted
      .regex(/^.+:\d{1,5}$/, 'expected host:port, as 0.0.0.0:8443')
      .default('0.0.0.0:8443')
      .describe('host:port of HTTPS and SIP over wss'),
    tlsFolder: text
      .default('./data/tls')
      .describe('where the certificate and the token are kept that are made for a try'),
    webhooks: z.array(webhook).default([]).describe('who is told of events by HTTP POST'),
  })
  .prefault({});

export const webrtcSchema = z
  .strictObject({
    iceServers: z.array(iceServer).default([]).describe('STUN and TURN servers that browsers are told of'),
    servers: z
      .array(quoted.regex(/^wss?:\/\//, 'expected ws:// or wss://'))
      .min(1)
      .optional()
      .describe('where the softphone page connects to; default the listeners'),
  })
  .prefault({})
  .describe('calls of browsers');
