// What is left of the first process of a server after a restart: whoever started it knows this one, so signals come here
// and are passed on, and it ends when the server does. Not to be called by users.
import { readFileSync } from 'node:fs';

let pid = Number(process.argv[2]);
const file = process.argv[3];

/** @returns undefined while the process lives, else the status it ended with, as far as that can be known */
function ended(one) {
  let stat;
  try {
    stat = readFileSync(`/proc/${one}/stat`, 'latin1');
  } catch {
    return 0;
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] !== 'Z' && fields[0] !== 'X') return undefined;
  const status = Number(fields[49]);
  return status & 0x7f ? 128 + (status & 0x7f) : status >> 8;
}

function successor() {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return pid;
  }
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR2'])
  process.on(signal, () => {
    try {
      process.kill(pid, signal);
    } catch {
      // It is gone: the next look finds that out.
    }
  });

setInterval(() => {
  const status = ended(pid);
  if (status === undefined) return;
  const next = successor();
  if (next !== pid && ended(next) === undefined) pid = next;
  else process.exit(status);
}, 100);
