/** The commands of the dialog registry, of its statistics, and of the registrar. */
import { createLogger } from '../../base/log.ts';
import { nodeClock } from '../../base/node.ts';
import type { RpcMethod } from '../rpc/methods.ts';
import { dialogCommands } from './dlg.ts';
import { moreDialogCommands } from './dlg-more.ts';
import { statisticsCommands } from './stats.ts';
import type { CommandSubject, Subject } from './subject.ts';
import { locationCommands } from './ul.ts';

/** `dlg.*`, `stats.*` and `ul.*`, to be added to `RpcMethods`. */
export function registryCommands(subject: CommandSubject): readonly RpcMethod[] {
  const { registry, registrar, clock = nodeClock, logger = createLogger() } = subject;
  const { writeFolder, soundFolder = '.' } = subject;
  const all: Subject = { registry, registrar, clock, logger, writeFolder, soundFolder };
  return [dialogCommands, moreDialogCommands, statisticsCommands, locationCommands].flatMap((make) => make(all));
}
