/**
 * Profiles: named sets of calls, with or without a value, to count and to limit. Names are declared, so that a typing
 * error does not count nothing for ever.
 */
import { TandemError } from '../base/errors.ts';
import type { CallProfiles } from '../session/call-data.ts';
import type { DialogRecord } from './record.ts';
import { deleted } from './states.ts';

export interface ProfileLink {
  readonly name: string;
  /** Empty for a profile without value. */
  readonly value: string;
}

export interface ProfileSize {
  readonly name: string;
  readonly hasValue: boolean;
  readonly size: number;
}

/** One declared profile. */
class Profile {
  readonly name: string;
  readonly hasValue: boolean;
  /** Links: a call counts once for each value. */
  size = 0;
  readonly #byValue = new Map<string, Set<DialogRecord>>();

  constructor(name: string, hasValue: boolean) {
    this.name = name;
    this.hasValue = hasValue;
  }

  count(value: string): number {
    return this.#byValue.get(value)?.size ?? 0;
  }

  add(value: string, record: DialogRecord): void {
    const records = this.#byValue.get(value) ?? new Set();
    if (records.has(record)) return;
    this.#byValue.set(value, records.add(record));
    this.size++;
  }

  remove(value: string, record: DialogRecord): void {
    const records = this.#byValue.get(value);
    if (!records?.delete(record)) return;
    this.size--;
    if (records.size === 0) this.#byValue.delete(value);
  }

  /** Those in it now: who reads slowly while calls come and go would never be through. */
  records(value: string | undefined): readonly DialogRecord[] {
    if (value !== undefined) return [...(this.#byValue.get(value) ?? [])];
    const all: DialogRecord[] = [];
    for (const records of this.#byValue.values()) for (const record of records) all.push(record);
    return all;
  }
}

/** All profiles of one registry. */
export class Profiles {
  readonly #profiles = new Map<string, Profile>();

  constructor(withValue: readonly string[], noValue: readonly string[]) {
    for (const name of withValue) this.#profiles.set(name, new Profile(name, true));
    for (const name of noValue) this.#profiles.set(name, new Profile(name, false));
  }

  /** @throws TandemError ERR_PROFILE_UNKNOWN */
  named(name: string): Profile {
    const profile = this.#profiles.get(name);
    if (profile) return profile;
    throw new TandemError(
      'ERR_PROFILE_UNKNOWN',
      `Profile not found: ${name}: declare it in registry.profilesWithValue or profilesNoValue`,
      { facts: { profile: name } },
    );
  }

  has(name: string): boolean {
    return this.#profiles.has(name);
  }

  /** How many calls are in it, under that value or any. @throws TandemError ERR_PROFILE_UNKNOWN */
  size(name: string, value?: string): number {
    const profile = this.named(name);
    return value === undefined || !profile.hasValue ? profile.size : profile.count(value);
  }

  /** The calls in it; one with several values comes once for each. @throws TandemError ERR_PROFILE_UNKNOWN */
  list(name: string, value?: string): Iterable<DialogRecord> {
    const profile = this.named(name);
    return profile.records(profile.hasValue ? value : undefined);
  }

  /** All that are declared. */
  sizes(): readonly ProfileSize[] {
    return [...this.#profiles.values()].map(({ name, hasValue, size }) => ({ name, hasValue, size }));
  }

  /** Gives every call in it so many seconds from now. @throws TandemError ERR_PROFILE_UNKNOWN, ERR_ARGUMENT */
  setTimeout(name: string, value: string | undefined, seconds: number): void {
    for (const record of this.list(name, value)) record.setTimeout(seconds);
  }
}

/** Those that one call is in. */
export class RecordProfiles implements CallProfiles, Iterable<ProfileLink> {
  readonly #record: DialogRecord;
  readonly #all: Profiles;
  readonly #onChange: () => void;
  readonly #links: ProfileLink[] = [];
  #used = false;
  #closed = false;

  constructor(record: DialogRecord, all: Profiles, onChange: () => void) {
    this.#record = record;
    this.#all = all;
    this.#onChange = onChange;
  }

  [Symbol.iterator](): Iterator<ProfileLink> {
    return this.#links.values();
  }

  /** Whether it has been in one, even if it has left it since. */
  get used(): boolean {
    return this.#used;
  }

  /** @throws TandemError ERR_PROFILE_UNKNOWN; ERR_ARGUMENT without the value that it needs, or with one */
  set(name: string, value?: string): void {
    const profile = this.#all.named(name);
    const link = checked(profile, value);
    // A handler may still be at work when its call is over: nobody would take the call out again.
    if (this.#closed || this.#find(name, link.value) >= 0) return;
    this.#links.push(link);
    this.#used = true;
    profile.add(link.value, this.#record);
    this.#onChange();
  }

  /** @internal As `set`, for a call that was in it before: one that is not declared any more is left out. */
  rejoin(name: string, value: string): void {
    if (this.#all.has(name)) this.set(name, this.#all.named(name).hasValue ? value : undefined);
  }

  /** @throws as `set` */
  unset(name: string, value?: string): void {
    const profile = this.#all.named(name);
    const link = checked(profile, value);
    const at = this.#find(name, link.value);
    if (at < 0) return;
    this.#links.splice(at, 1);
    profile.remove(link.value, this.#record);
    this.#onChange();
  }

  isIn(name: string, value?: string): boolean {
    this.#all.named(name);
    return this.#find(name, value) >= 0;
  }

  size(name: string, value?: string): number {
    return this.#all.size(name, value);
  }

  /** Of all calls. */
  list(name: string, value?: string): Iterable<DialogRecord> {
    return this.#all.list(name, value);
  }

  limit(name: string, value: string | undefined, max: number): boolean {
    const { hasValue } = this.#all.named(name);
    const own = hasValue ? value : undefined;
    if (this.isIn(name, own)) return true;
    // One that is not tracked is not counted, but has to keep to the limit.
    if (this.#closed) return this.#record.state !== deleted && this.size(name, own) < max;
    if (this.size(name, own) >= max) return false;
    this.set(name, own);
    return this.isIn(name, own);
  }

  /** @internal The call is over: it leaves every profile and enters no more. */
  close(): void {
    this.#closed = true;
    for (const { name, value } of this.#links.splice(0)) this.#all.named(name).remove(value, this.#record);
  }

  #find(name: string, value: string | undefined): number {
    return this.#links.findIndex((link) => link.name === name && (value === undefined || link.value === value));
  }
}

function checked({ name, hasValue }: Profile, value: string | undefined): ProfileLink {
  if (hasValue && value === undefined)
    throw new TandemError('ERR_ARGUMENT', `the profile ${name} needs a value: profiles.set('${name}', value)`);
  if (!hasValue && value !== undefined && value !== '')
    throw new TandemError('ERR_ARGUMENT', `the profile ${name} has no values: profiles.set('${name}')`);
  return { name, value: value ?? '' };
}
