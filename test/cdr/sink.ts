/** A place for records that can be down. */
import type { Cdr, CdrSink } from '../../src/index.ts';

export interface FakeSink extends CdrSink {
  readonly taken: Cdr[];
  isDown: boolean;
}

export function fakeSink(): FakeSink {
  const sink: FakeSink = {
    name: 'fake',
    taken: [],
    isDown: false,
    async send(cdr) {
      if (sink.isDown) throw new Error('down');
      sink.taken.push(cdr);
    },
  };
  return sink;
}
