/** Sends back what it hears, in whichever process. */
import type { DialogClientSession, DialogServerSession } from 'tandem';

export default {
  call: async (call: DialogServerSession): Promise<void> => {
    await call.answer();
    await call.echo();
  },
  resume: async (call: DialogServerSession | DialogClientSession): Promise<void> => {
    await call.echo();
  },
};
