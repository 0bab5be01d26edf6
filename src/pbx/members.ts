/**
 * Whoever may be rung: a user, wherever it is registered, or a URI. One `Member` for each, shared by all groups and
 * queues, so that nobody is rung twice at once, and everybody knows who is on the phone.
 */
import type { Clock, Timer } from '../base/clock.ts';
import type { Unsubscribe } from '../base/events.ts';
import { DialogClientSession, type InviteTarget } from '../session/dialog-client-session.ts';
import { DialogServerSession } from '../session/dialog-server-session.ts';
import type { DialogSession } from '../session/dialog-session.ts';
import { isUri } from './checks.ts';
import type { PbxPorts } from './ports.ts';

export type MemberState = 'idle' | 'ringing' | 'talking' | 'wrap-up' | 'unregistered';

export class Member {
  /** As it was named: `5001`, `sip:x@host`. */
  readonly name: string;
  readonly #clock: Clock;
  readonly #find: () => readonly InviteTarget[];
  readonly #changed: (member: Member) => void;
  /** Each with the ms that it has for itself afterwards. */
  readonly #calls = new Map<DialogSession, number>();
  #reserved = false;
  #idleSince: number;
  #wrapUp: Timer | undefined;
  #closed = false;

  constructor(name: string, clock: Clock, find: () => readonly InviteTarget[], changed: (member: Member) => void) {
    this.name = name;
    this.#clock = clock;
    this.#find = find;
    this.#changed = changed;
    this.#idleSince = Number.NEGATIVE_INFINITY;
  }

  /** Where it can be called now; of an unregistered user nowhere. */
  get targets(): readonly InviteTarget[] {
    return this.#find();
  }

  get isRegistered(): boolean {
    return this.targets.length > 0;
  }

  /** On the phone, being rung by a queue, or in the time after a call of a queue. */
  get isBusy(): boolean {
    return this.#reserved || this.#calls.size > 0 || this.#wrapUp !== undefined;
  }

  /** ms of the clock; -Infinity for who had no call yet. */
  get idleSince(): number {
    return this.#idleSince;
  }

  get state(): MemberState {
    const calls = [...this.#calls.keys()];
    if (calls.some((call) => call instanceof DialogServerSession || isUp(call))) return 'talking';
    if (this.#reserved || calls.length > 0) return 'ringing';
    if (this.#wrapUp) return 'wrap-up';
    return this.isRegistered ? 'idle' : 'unregistered';
  }

  /** Nobody else rings it until this is released. @returns how to release it; undefined when it is taken */
  reserve(): (() => void) | undefined {
    if (this.isBusy) return undefined;
    this.#reserved = true;
    this.#changed(this);
    return () => {
      if (!this.#reserved) return;
      this.#reserved = false;
      this.#changed(this);
    };
  }

  /** It is on the phone. @param wrapUpMs that it has for itself afterwards */
  join(call: DialogSession, wrapUpMs = 0): void {
    if (call.state === 'ended') return;
    const known = this.#calls.get(call);
    this.#calls.set(call, Math.max(known ?? 0, wrapUpMs));
    if (known === undefined) void call.ended.then(() => this.leave(call));
    this.#changed(this);
  }

  /** A call of its is over, or another peer has taken its place there. */
  leave(call: DialogSession): void {
    const wrapUpMs = this.#calls.get(call);
    if (wrapUpMs === undefined) return;
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#idleSince = this.#clock.now();
    if (wrapUpMs > 0) this.#startWrapUp(wrapUpMs);
    this.#changed(this);
  }

  /** It is ready before its time. */
  endWrapUp(): void {
    if (!this.#wrapUp) return;
    this.#wrapUp.cancel();
    this.#wrapUp = undefined;
    this.#changed(this);
  }

  /** Somebody registered, or has gone. */
  moved(): void {
    this.#changed(this);
  }

  close(): void {
    this.#wrapUp?.cancel();
    this.#closed = true;
  }

  #startWrapUp(ms: number): void {
    this.#wrapUp?.cancel();
    if (!this.#closed) this.#wrapUp = this.#clock.setTimer(ms, () => this.endWrapUp(), 'wrap-up');
  }
}

function isUp({ state }: DialogSession): boolean {
  return state === 'answered' || state === 'confirmed';
}

export type MembersPorts = Pick<PbxPorts, 'clock' | 'observer' | 'registrar' | 'calls' | 'find'>;

export class Members {
  readonly #ports: MembersPorts;
  readonly #members = new Map<string, Member>();
  readonly #listeners = new Set<(member: Member) => void>();
  /** URIs that lead to a user, by what its phones registered. */
  readonly #byUri = new Map<string, string>();
  readonly #ends: Unsubscribe[] = [];

  constructor(ports: MembersPorts) {
    this.#ports = ports;
  }

  /** The one of this name. */
  get(name: string): Member {
    const known = this.#members.get(name);
    if (known) return known;
    if (this.#ends.length === 0) this.#follow();
    const { clock } = this.#ports;
    const member = new Member(name, clock, this.#finder(name), (one) => this.#tell(one));
    this.#members.set(name, member);
    for (const call of this.#ports.calls()) this.#joinIf(member, call);
    return member;
  }

  /** Told of every change of a member, in the same turn. @returns how to stop that */
  onChange(listener: (member: Member) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    for (const end of this.#ends) end();
    this.#listeners.clear();
    for (const member of this.#members.values()) member.close();
  }

  #finder(name: string): () => readonly InviteTarget[] {
    if (isUri(name)) return () => [name];
    return () => this.#ports.registrar?.lookup(name) ?? [];
  }

  #tell(member: Member): void {
    for (const listener of this.#listeners) listener(member);
  }

  /** From the first member on: a house without groups has nothing to pay for them. */
  #follow(): void {
    const { observer, registrar } = this.#ports;
    for (const user of registrar?.users ?? [])
      for (const { uri } of registrar?.lookup(user) ?? []) this.#byUri.set(uri, user);
    this.#ends.push(
      observer.on('registrar:changed', ({ what, user, uri }) => {
        if (what === 'added' || what === 'refreshed') this.#byUri.set(uri, user);
        else if (this.#byUri.get(uri) === user) this.#byUri.delete(uri);
        const member = this.#members.get(user);
        // A call that an earlier process made to the phone is known by its URI only now.
        if (what === 'added') for (const call of member ? this.#ports.calls() : []) this.#joinIf(member, call);
        member?.moved();
      }),
      observer.on('call:created', ({ sessionId }) => this.#begun(sessionId)),
      observer.on('call:recovered', ({ sessionId }) => this.#begun(sessionId)),
      observer.on('call:answered', ({ sessionId }) => this.#memberIn(sessionId)?.moved()),
      observer.on('call:replaced', ({ sessionId }) => {
        const call = this.#ports.find(sessionId);
        if (call) for (const member of this.#members.values()) member.leave(call);
      }),
    );
  }

  #joinIf(member: Member | undefined, call: DialogSession): void {
    if (member && this.#nameOf(call) === member.name) member.join(call);
  }

  #begun(sessionId: string): void {
    const call = this.#ports.find(sessionId);
    if (call) this.#memberIn(sessionId)?.join(call);
  }

  #memberIn(sessionId: string): Member | undefined {
    const call = this.#ports.find(sessionId);
    const name = call && this.#nameOf(call);
    return name === undefined ? undefined : this.#members.get(name);
  }

  /** Whose leg that is. Anybody can write a From: a caller is who has shown its password. */
  #nameOf(call: DialogSession): string | undefined {
    if (call instanceof DialogServerSession) return call.user;
    if (!(call instanceof DialogClientSession)) return undefined;
    const uri = call.calledUri;
    return this.#members.has(uri) ? uri : this.#byUri.get(uri);
  }
}
