/**
 * `npm run bench`: the measured figures, each beside its yardstick in the same run. See bench/README.md.
 */
import { parseArgs } from 'node:util';
import { loadAddon } from '../media/net/native-addon.ts';
import { writeCharts } from './lab/chart.ts';
import { settleDown } from './lab/child.ts';
import { describeMachine, requireMachine } from './lab/machine.ts';
import { printTable, writeSection } from './lab/table.ts';
import { BenchUnavailable, findTools, type Tools } from './lab/tools.ts';
import { bridge } from './scenarios/bridge.ts';
import { busy } from './scenarios/busy.ts';
import { capacity, twoWorkers } from './scenarios/capacity.ts';
import { conference } from './scenarios/conference.ts';
import { endurance } from './scenarios/endurance.ts';
import { flood } from './scenarios/flood.ts';
import { ice } from './scenarios/ice.ts';
import { journal } from './scenarios/journal.ts';
import { testLab } from './scenarios/lab.ts';
import { memory } from './scenarios/memory.ts';
import { plc } from './scenarios/plc.ts';
import { registry } from './scenarios/registry.ts';
import type { Lab, Scenario } from './scenarios/scenario.ts';
import { setUpAnswered, setUpBridged } from './scenarios/set-up.ts';
import { srtp } from './scenarios/srtp.ts';
import { start } from './scenarios/start.ts';
import { store } from './scenarios/store.ts';
import { echo, playback } from './scenarios/streams.ts';
import { telemetry } from './scenarios/telemetry.ts';
import { trace } from './scenarios/trace.ts';
import { transcode } from './scenarios/transcode.ts';
import { webrtc } from './scenarios/webrtc.ts';

const scenarios: ReadonlyMap<string, Scenario> = new Map([
  ['set-up', setUpAnswered],
  ['set-up-bridged', setUpBridged],
  ['bridge', bridge],
  ['capacity', capacity],
  ['workers', twoWorkers],
  ['playback', playback],
  ['echo', echo],
  ['busy', busy],
  ['conference', conference],
  ['memory', memory],
  ['endurance', endurance],
  ['start', start],
  ['flood', flood],
  ['trace', trace],
  ['telemetry', telemetry],
  ['transcode', transcode],
  ['srtp', srtp],
  ['webrtc', webrtc],
  ['ice', ice],
  ['plc', plc],
  ['registry', registry],
  ['store', store],
  ['journal', journal],
  ['lab', testLab],
]);

const results = new URL('results.md', import.meta.url);
const charts = new URL('charts/', import.meta.url);

const usage = `npm run bench -- --tools <folder> [options]
  --tools <folder>    where callload, cecho, loadgen and relay are, as programs or C sources; or TANDEM_BENCH_TOOLS
  --runs <n>          runs of which the median counts; default 5
  --seconds <s>       length of each measured window; default 2
  --only <a,b>        some of ${[...scenarios.keys()].join(', ')}
  --calls <a,b>       numbers of calls for what has RTP; default 100,300,600,1000
  --io <a,b>          how Tandem reads its RTP sockets: dgram, native; default what there is
  --quick             one short run at the lowest loads: does it work at all?
  --write             put the figures into bench/results.md, and charts into bench/charts
  --profile <folder>  CPU profiles of the servers (they cost time: not for figures)`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tools: { type: 'string' },
      runs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string' },
      calls: { type: 'string', default: '100,300,600,1000' },
      io: { type: 'string', default: loadAddon().ok ? 'dgram,native' : 'dgram' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const names = values.only?.split(',') ?? [...scenarios.keys()];
  const unknown = names.find((name) => !scenarios.has(name));
  const [runs, seconds] = [Number(values.runs), Number(values.seconds)];
  const ios = values.io.split(',').filter((io) => io === 'dgram' || io === 'native');
  if (
    unknown !== undefined ||
    ios.length !== values.io.split(',').length ||
    !Number.isInteger(runs) ||
    runs < 1 ||
    !(seconds > 0) ||
    !/^\d+(,\d+)*$/.test(values.calls)
  ) {
    console.error(usage);
    return 2;
  }
  requireMachine();
  // What needs none of them is measured without.
  const tools = await findTools(values.tools).catch((error: unknown) => error);
  settleDown();
  const lab: Lab = {
    get tools() {
      if (tools instanceof Error) throw tools;
      return tools as Tools;
    },
    runs: values.quick ? 1 : runs,
    seconds: values.quick ? 1.5 : seconds,
    ios,
    calls: values.quick ? [100] : values.calls.split(',').map(Number),
    rates: values.quick
      ? { answered: [250, 500], bridged: [100] }
      : { answered: [250, 1000, 2000, 2500, 3000], bridged: [100, 500, 1000] },
    parts: values.quick ? [1000, 1000] : [20_000, 20_000, 20_000, 20_000, 20_000],
    profile: values.profile,
    progress: (text) => console.error(text),
  };
  const options = [
    ...(values.only ? [`--only ${values.only}`] : []),
    ...(values.calls === '100,300,600,1000' ? [] : [`--calls ${values.calls}`]),
    ...(values.quick ? ['--quick'] : []),
  ];
  const machine = describeMachine(
    ['npm run bench --', `--runs ${lab.runs}`, `--seconds ${lab.seconds}`, ...options].join(' '),
  );
  console.log(`${machine}\n`);
  let status = 0;
  for (const name of names) {
    try {
      const measured = await (scenarios.get(name) as Scenario)(lab);
      const table = printTable(measured);
      console.log(table);
      if (values.write) {
        const drawn = await writeCharts(charts, name, measured);
        const pictures = drawn.map((file) => `![${file}](charts/${file})`).join('\n');
        await writeSection(results, `Figures: ${name}`, [machine, table.trim(), pictures].filter(Boolean).join('\n\n'));
      }
    } catch (error) {
      status = 1;
      console.error(`bench: ${name} could not be measured: ${(error as Error).message}`);
    }
  }
  return status;
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
