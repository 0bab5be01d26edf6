/** What a remote control needs of a Tandem. */
import type { Bridge, BridgeOptions } from '../../session/bridge.ts';
import type { Conference } from '../../session/conference.ts';
import type { DialogClientSession, InviteOptions } from '../../session/dialog-client-session.ts';
import type { DialogSession } from '../../session/dialog-session.ts';
import type { Parking } from '../../session/parking.ts';

/** A `Tandem` is one. */
export interface RemoteTandem {
  readonly calls: readonly DialogSession[];
  readonly parking: Parking;
  findCall(name: string): DialogSession | undefined;
  newDialog(target: string, options?: InviteOptions): Promise<DialogClientSession>;
  bridge(a: DialogSession, b: DialogSession, options?: BridgeOptions): Promise<Bridge>;
  conference(name: string): Conference;
}
