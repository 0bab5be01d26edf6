/** Kamailio's internal flags of a dialog, as the one number that its table and its RPC know them by. */
import type { RegistrySettings } from './options.ts';

export type DialogProperty = 'ka-src' | 'ka-dst' | 'timeout-noreset';

const timeoutBye = 1;
const properties: Readonly<Record<DialogProperty, number>> = { 'ka-src': 2, 'ka-dst': 4, 'timeout-noreset': 8 };

export class RecordFlags {
  bits: number;

  constructor({ sendBye, timeoutNoreset }: RegistrySettings) {
    this.bits = (sendBye ? timeoutBye : 0) | (timeoutNoreset ? properties['timeout-noreset'] : 0);
  }

  /** Both sides get a BYE when its time is up. */
  get saysBye(): boolean {
    return (this.bits & timeoutBye) !== 0;
  }

  isSet(property: DialogProperty): boolean {
    return (this.bits & properties[property]) !== 0;
  }

  set(property: DialogProperty, on: boolean): void {
    const flag = properties[property];
    this.bits = on ? this.bits | flag : this.bits & ~flag;
  }
}
