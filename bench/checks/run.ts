/** What catches others must not catch Tandem: scenarios with a verdict. See bench/README.md. */
import { parseArgs } from 'node:util';
import { settleDown } from '../lab/child.ts';
import { describeMachine, requireMachine } from '../lab/machine.ts';
import { writeSection } from '../lab/table.ts';
import { BenchUnavailable, findTools } from '../lab/tools.ts';
import { burst } from './burst.ts';
import { answered, bridged } from './bye-behind-ack.ts';
import type { Check, Verdict } from './check.ts';
import { dtls } from './dtls.ts';
import { gapless } from './gapless.ts';
import { handOver } from './hand-over.ts';
import { ring, stall } from './latency.ts';
import { overload } from './overload.ts';

const checks: readonly Check[] = [stall, ring, answered, bridged, burst, gapless, handOver, overload, dtls];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tools: { type: 'string' },
      only: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  requireMachine();
  const tools = await findTools(values.tools);
  settleDown();
  const machine = describeMachine('node bench/checks/run.ts');
  console.log(`${machine}\n`);
  const chosen = checks.filter(({ name }) => name.includes(values.only ?? ''));
  const lines = ['| check | expected | seen | |', '| --- | --- | --- | --- |'];
  let failed = 0;
  for (const check of chosen) {
    const { passed, seen } = await verdict(check, tools);
    if (!passed) failed++;
    console.log(`${passed ? 'passed' : 'FAILED'}  ${check.name}\n        ${seen}`);
    lines.push(`| ${check.name} | ${check.expected} | ${seen} | ${passed ? 'passed' : '**failed**'} |`);
  }
  if (values.write)
    await writeSection(new URL('../results.md', import.meta.url), 'Checks', `${machine}\n\n${lines.join('\n')}`);
  return failed === 0 ? 0 : 1;
}

async function verdict(check: Check, tools: Parameters<Check['run']>[0]): Promise<Verdict> {
  try {
    return await check.run(tools);
  } catch (error) {
    return { passed: false, seen: (error as Error).message };
  }
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: Error) => {
    console.error(error instanceof BenchUnavailable ? `bench: ${error.message}` : (error.stack ?? error.message));
    process.exitCode = error instanceof BenchUnavailable ? 2 : 1;
  },
);
