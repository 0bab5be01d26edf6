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

export const ringGroupsSchema = z.record(name, ringGroup);
export const queuesSchema = z.record(name, queue);

export type RingGroupConfig = z.output<typeof ringGroup>;
export type QueueConfig = z.output<typeof queue>;
