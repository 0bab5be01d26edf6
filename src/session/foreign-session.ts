/** One side of a call that another server set up: we know its dialog, and there is no audio of it here. */
import type { Dialog } from '../sip/dialog.ts';
import { addressText } from '../sip/dialog-snapshot.ts';
import type { UnfinishedInvite } from '../sip/endpoint.ts';
import type { HeaderField, NameAddr } from '../sip/message.ts';
import { noParams } from '../sip/message.ts';
import { uriUser } from '../sip/uri.ts';
import type { CallData, LegBirth } from './call-data.ts';
import { DialogSession } from './dialog-session.ts';
import type { SessionContext } from './session-context.ts';
import type { ClientPart } from './session-snapshot.ts';

export class ForeignSession extends DialogSession {
  readonly callId: string;
  readonly fromUser: string | undefined;
  readonly toUser: string | undefined;
  readonly transport: string;
  readonly identity: NameAddr;

  /** @param birth as the record of its call says it */
  constructor(context: SessionContext, data: CallData, birth: LegBirth, dialog: Dialog) {
    super(context, data);
    this.callId = dialog.callId;
    this.fromUser = uriUser(birth.fromUri);
    this.toUser = uriUser(birth.toUri);
    this.transport = dialog.socket.split(':', 1)[0] ?? '';
    this.identity = { displayName: undefined, uri: dialog.remoteUri, params: noParams };
    this.advance('confirmed');
    this.goOn(birth, dialog);
  }

  protected part(): ClientPart {
    return { kind: 'client', uri: this.remoteUri ?? '', from: addressText(this.identity), madeFor: undefined };
  }

  protected get unfinished(): UnfinishedInvite | undefined {
    return undefined;
  }

  protected override async farewell(headers: readonly HeaderField[]): Promise<void> {
    await this.dialog?.bye(headers);
  }
}
