/** The INVITE of a dialog that an earlier process answered: nothing is left to say. */
import type { Dialog, DialogSnapshot } from './dialog.ts';
import type { InviteServer, ServerInvite } from './invite-server.ts';
import type { SipRequest } from './message.ts';
import type { Flow } from './options.ts';

export class AnsweredInvite implements ServerInvite {
  readonly request: SipRequest;
  readonly dialog: Dialog;
  readonly flow: Flow;
  onCancel: InviteServer['onCancel'] = () => {};
  onAck: InviteServer['onAck'] = () => {};
  onAckTimeout: InviteServer['onAckTimeout'] = () => {};

  /** @param answer its 2xx, if that has no ACK yet */
  constructor(request: SipRequest, dialog: Dialog, flow: Flow, answer: DialogSnapshot['answer']) {
    this.request = request;
    this.dialog = dialog;
    this.flow = flow;
    if (answer)
      dialog.acks.answerAgain(
        answer,
        (ack) => this.onAck(ack),
        () => this.onAckTimeout(),
      );
  }

  provisional(): void {}

  async acknowledged(): Promise<void> {}

  accept(): void {}

  reject(): void {}

  async whenSettled(): Promise<void> {}

  get unfinished(): undefined {
    return undefined;
  }
}
