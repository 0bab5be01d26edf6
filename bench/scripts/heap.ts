/** Answers, and says on SIGWINCH what memory it holds after a garbage collection: a line of JSON in the file REPORT. */
import { writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DialogServerSession } from 'tandem';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export default {
  start(): void {
    process.on('SIGWINCH', () => {
      for (let i = 0; i < 4; i++) collect();
      const { heapUsed, external, rss } = process.memoryUsage();
      const handles = process.getActiveResourcesInfo().length;
      writeFileSync(process.env.REPORT ?? 'report.json', JSON.stringify({ heapUsed, external, rss, handles }));
    });
  },
  async call(call: DialogServerSession): Promise<void> {
    await call.answer();
    await call.ended;
  },
};
