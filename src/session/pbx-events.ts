/** What the observer tells of queues, parking lots and mailboxes. */
import type { SessionEvent } from './events.ts';

/** How a caller left a queue. */
export type QueueEndReason = 'answered' | 'timeout' | 'full' | 'no-agents' | 'abandoned' | 'key';

export interface QueueCallerEvent extends SessionEvent {
  readonly queue: string;
  /** From 1. */
  readonly position: number;
  /** Callers that wait now, this one among them. */
  readonly waiting: number;
}

export interface QueueAgentCallEvent extends SessionEvent {
  readonly queue: string;
  readonly agent: string;
  /** ms that the caller has waited. */
  readonly waitedMs: number;
}

export interface QueueMissedEvent extends QueueAgentCallEvent {
  /** Of the phone's response; undefined when it rang in vain. */
  readonly status?: number;
}

export interface QueueLeftEvent extends SessionEvent {
  readonly queue: string;
  readonly end: QueueEndReason;
  readonly waitedMs: number;
  readonly agent?: string;
  /** ms that they talked. */
  readonly talkedMs?: number;
}

export type AgentState = 'idle' | 'ringing' | 'talking' | 'wrap-up' | 'paused' | 'unregistered';

export interface QueueAgentEvent {
  readonly queue: string;
  readonly agent: string;
  readonly state: AgentState;
  /** Unix milliseconds. */
  readonly at: number;
}

export type ParkingEndReason = 'retrieved' | 'returned' | 'timeout' | 'abandoned' | 'full';

/** A call waits in a slot of a parking lot. */
export interface ParkingParkedEvent extends SessionEvent {
  readonly lot: string;
  readonly slot: number;
  /** Who parked it, where that is known. */
  readonly parker?: string;
}

/** It does so no more. */
export interface ParkingLeftEvent extends SessionEvent {
  readonly lot: string;
  readonly slot: number;
  readonly end: ParkingEndReason;
  /** ms that it waited. */
  readonly parkedMs: number;
}

/** A message was left. */
export interface VoicemailRecordedEvent extends SessionEvent {
  readonly box: string;
  /** Of the message. */
  readonly id: string;
  readonly durationMs: number;
}

/** A mailbox has more messages, or fewer, or one was heard. */
export interface VoicemailChangedEvent {
  readonly box: string;
  readonly new: number;
  readonly saved: number;
  /** Unix milliseconds. */
  readonly at: number;
}

export interface PbxEvents {
  'queue:entered': QueueCallerEvent;
  'queue:ringing': QueueAgentCallEvent;
  'queue:missed': QueueMissedEvent;
  'queue:answered': QueueAgentCallEvent;
  /** Once for each caller; also for one that was not let in. */
  'queue:left': QueueLeftEvent;
  'queue:agent': QueueAgentEvent;
  'parking:parked': ParkingParkedEvent;
  'parking:left': ParkingLeftEvent;
  'voicemail:recorded': VoicemailRecordedEvent;
  'voicemail:changed': VoicemailChangedEvent;
}
