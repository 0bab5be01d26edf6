/** Writes a journal as fast as it can, and says what was written: `node journal-writer.ts <folder> <calls> <bytes>`. */
import { createLogger } from '../../../src/base/log.ts';
import { createNodeRandom } from '../../../src/base/node.ts';
import { openJournal } from '../../../src/recovery/journal/open.ts';

const [path = '', calls = '', size = ''] = process.argv.slice(2);
const ports = { logger: createLogger('silent'), random: createNodeRandom() };
const { journal, found } = await openJournal({ path }, ports);
let round = Math.max(0, ...found.map(({ parts }) => Buffer.from(parts.get('round') ?? []).readUInt32BE(0)));
for (;;) {
  round++;
  for (let call = 0; call < Number(calls); call++) {
    const value = Buffer.alloc(Number(size), round);
    value.writeUInt32BE(round, 0);
    journal.put(`call-${call}`, 'round', value);
  }
  journal.put(`short-${round}`, 'round', Buffer.from([0, 0, 0, 0]));
  journal.remove(`short-${round - 1}`);
  await journal.written();
  process.stdout.write(`${round} ${journal.stats.compactions}\n`);
}
