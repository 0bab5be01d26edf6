/** The settings of ring groups, queues, mailboxes and parking lots. */
import { z } from 'zod';
import { milliseconds, name, prompt, text } from './schema-pieces.ts';

const callerId = text.optional().describe('what members see: a number, or Name <number>; default the caller');
const members = z.array(text).min(1).describe('users, and SIP URIs');

const ringGroup = z.strictObject({
  members,
  strategy: z.enum(['all', 'sequence', 'random', 'longest-idle']).default('all'),
  ringTime: milliseconds.default(20_000).describe('ms that a member rings'),
  skipBusy: z.boolean().default(false).describe('pass over members who are on the phone'),
  music: prompt.optional().describe('answers, and plays this until somebody takes the call'),
  callerId,
});

const queue = z.strictObject({
  members,
  strategy: z.enum(['longest-idle', 'sequence', 'random', 'all']).default('longest-idle'),
  music: z
    .union([prompt, z.literal(false)])
    .optional()
    .describe('what callers hear; false is nothing'),
  announceEvery: milliseconds.default(30_000).describe('ms between two announcements of the position; 0 for none'),
  maxWait: milliseconds.optional().describe('ms that a caller waits at most'),
  maxCallers: z.int().min(0).max(100_000).default(100).describe('that wait at once'),
  wrapUp: milliseconds.default(0).describe('ms that an agent has for itself after a call'),
  ringTime: milliseconds.min(1_000).default(15_000).describe('ms that an agent rings'),
  retryAfter: milliseconds.min(500).default(5_000).describe('ms until an agent that did not answer is rung again'),
  pauseAfterMissed: z.int().min(1).max(1_000).optional().describe('calls missed in a row that pause an agent'),
  whenEmpty: z.enum(['leave', 'wait']).default('leave').describe('what callers do while no agent is registered'),
  exitKeys: z
    .string()
    .regex(/^[0-9*#]*$/, 'expected keys: 0-9, "*" and "#"')
    .default('')
    .describe('keys that lead out of it'),
  callerId,
});

const mailbox = z.strictObject({
  pin: z
    .string('expected text: put it in quotes')
    .regex(/^\d{3,16}$/, 'expected 3 to 16 digits')
    .optional()
    .describe('what its owner enters to listen; default nothing'),
  greeting: prompt.optional().describe('what callers hear, unless the owner has recorded another'),
  minSeconds: z.number().min(0).max(60).default(1).describe('what is shorter is no message'),
  maxSeconds: z.int().min(1).max(3600).default(180),
  maxSilence: milliseconds.min(500).default(5_000).describe('ms of silence that end a message'),
  maxMessages: z.int().min(1).max(9999).default(100).describe('that are kept at once'),
  notify: z
    .union([z.boolean(), z.literal('unsolicited')], 'expected true, false or unsolicited')
    .default(true)
    .describe('phones that subscribed are told of messages; unsolicited: all phones of its owners'),
  owners: z.array(text).min(1).optional().describe('users whose mailbox it is; default the one of its name'),
});

const parkingLot = z.strictObject({
  slots: z
    .string('expected text: put it in quotes')
    .regex(/^\d{1,9}-\d{1,9}$/, 'expected first-last, as 701-720')
    .refine((range) => {
      const { first, last } = slotsOf(range);
      return first <= last && last - first < 1000;
    }, 'expected first-last, 1000 slots at the most')
    .describe('numbers of its places, as 701-720'),
  timeout: milliseconds.min(1_000).default(90_000).describe('ms that a call waits'),
  onTimeout: z
    .enum(['call-back', 'leave'])
    .default('call-back')
    .describe('then who parked it is called, or the call goes on behind the route'),
  ringTime: milliseconds.min(1_000).default(20_000).describe('ms that who parked it rings'),
  music: z
    .union([prompt, z.literal(false)])
    .optional()
    .describe('what the parked hear; false is nothing'),
  announce: z.boolean().default(true).describe('says the slot'),
});

/** Of `701-720`. */
export function slotsOf(range: string): { readonly first: number; readonly last: number } {
  const [first = 0, last = 0] = range.split('-').map(Number);
  return { first, last };
}

export const voicemailSchema = z
  .strictObject({
    folder: z.string().min(1).default('./data/voicemail').describe('where messages are kept'),
    boxes: z.record(name, mailbox).default({}).describe('mailboxes, by name'),
  })
  .prefault({});
export const parkingSchema = z.record(name, parkingLot);
export const ringGroupsSchema = z.record(name, ringGroup);
export const queuesSchema = z.record(name, queue);

export type RingGroupConfig = z.output<typeof ringGroup>;
export type QueueConfig = z.output<typeof queue>;
export type MailboxConfig = z.output<typeof mailbox>;
export type ParkingLotConfig = z.output<typeof parkingLot>;
