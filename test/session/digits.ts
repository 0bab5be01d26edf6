/** So many digits over a bad network, in one of the three ways: what was pressed and what was heard. */
import { type Lab, pick } from '../../src/testing/index.ts';

const keys = [...'0123456789*#ABCD'];
/** Pressed in a row: so that a failure says where. */
const rowLength = 50;

export interface Row {
  readonly pressed: string;
  readonly heard: string;
}

/** 5 % of the packets are lost, 5 % overtaken by the next. */
export async function pressed(lab: Lab, by: 'rfc4733' | 'info' | 'inband', count: number): Promise<Row[]> {
  let heard = '';
  const { promise: listening, resolve: listens } = Promise.withResolvers<void>();
  await lab.serve(
    async (call) => {
      await call.answer();
      const keys = call.dtmf();
      listens();
      for await (const { digit } of keys) heard += digit;
    },
    { dtmf: by },
  );
  const alice = lab.phone('alice');
  await alice.dial('1000');
  await lab.run(listening);
  lab.network.set({ loss: 0.05, reorder: 0.05 });
  const random = lab.random('digits');
  const rows: Row[] = [];
  for (let done = 0; done < count; done += rowLength) {
    const row = Array.from({ length: Math.min(rowLength, count - done) }, () => pick(random, keys)).join('');
    heard = '';
    await alice.press(row, { by, durationMs: 120, gapMs: 100 });
    await lab.advance(500);
    rows.push({ pressed: row, heard });
  }
  return rows;
}

export const wrong = (rows: readonly Row[]): Row[] => rows.filter(({ pressed, heard }) => pressed !== heard);
