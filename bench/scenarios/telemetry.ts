/** What OpenTelemetry traces cost: CPU time per call that is set up with media and hung up at once. */
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { callload, type Measured } from '../lab/callload.ts';
import { Child } from '../lab/child.ts';
import { residentKb, serverCore } from '../lab/cores.ts';
import { median, repeat, type Values } from '../lab/repeat.ts';
import { Server } from '../lab/server.ts';
import { figure, ratio, type Table } from '../lab/table.ts';
import { type Lab, runNotes } from './scenario.ts';

const script = fileURLToPath(new URL('../scripts/telemetry.ts', import.meta.url));
const rate = 500;
const settleMs = 500;
/** Which calls are traced, by the share of them. */
const modes = { off: undefined, '0 %': '0', '10 %': '0.1', '100 %': '1' } as const;
type Mode = keyof typeof modes;
const names = Object.keys(modes) as Mode[];

export async function telemetry(lab: Lab): Promise<Table> {
  lab.progress('Telemetry');
  const collector = await Collector.open();
  try {
    const repeated = await repeat(lab.runs, async () => {
      const values: Record<string, number> = {};
      let disturbed: string | undefined;
      for (const mode of names) {
        const { cpuMs, report, megabytes, ...rest } = await measure(lab, mode, collector.url);
        values[mode] = cpuMs / report.calls;
        values[`${mode} MB`] = megabytes;
        disturbed ??= rest.disturbed;
      }
      return { values, disturbed };
    });
    const { values } = repeated;
    return {
      title: `Telemetry, ${rate} calls a second`,
      head: ['calls that are traced', 'ms/call', 'ratio', 'MB afterwards'],
      rows: names.map((mode) => [
        mode,
        figure(values[mode], 3),
        ratio(values[mode], values.off),
        figure(values[`${mode} MB`], 0),
      ]),
      notes: [
        ...runNotes('Telemetry', repeated),
        await alone(lab),
        `The collector took ${collector.requests} requests, ${figure(collector.bytes / 1e6, 1)} MB. With \`off\` nothing follows the calls; at 0 % scripts are followed all the same.`,
      ],
    };
  } finally {
    collector.close();
  }
}

/** Without SIP and audio, which take so much more that one is hardly seen in the other. */
async function alone({ runs }: Lab): Promise<string> {
  const all: Values[] = [];
  for (let run = 0; run < runs; run++) {
    await using child = new Child(process.execPath, [script], { core: serverCore });
    const line = await child.line((text) => text.startsWith('done '), 120_000);
    all.push(JSON.parse(line.slice('done '.length)) as Values);
  }
  const figures = Object.keys(all[0] ?? {}).map((name) => {
    const us = median(all.map((values) => values[name] ?? Number.NaN));
    return `${name} ${figure(us)}`;
  });
  return `Without SIP and audio, CPU µs of an answered call that plays a prompt: ${figures.join(', ')}.`;
}

async function measure(lab: Lab, mode: Mode, url: string): Promise<Measured & { readonly megabytes: number }> {
  const share = modes[mode];
  const env =
    share === undefined
      ? {}
      : {
          OTEL_EXPORTER_OTLP_ENDPOINT: url,
          OTEL_TRACES_SAMPLER: 'traceidratio',
          OTEL_TRACES_SAMPLER_ARG: share,
        };
  const server = await Server.start({ script: 'bench/scripts/calls.ts', env });
  try {
    const run = (seconds: number): Promise<Measured> =>
      callload(lab.tools.callload, server.target, server.pid, { calls: Math.round(rate * seconds), rate, rtp: 'none' });
    await run(lab.seconds); // warms the compiler up; not counted
    await sleep(settleMs);
    const measured = await run(2 * lab.seconds);
    return { ...measured, megabytes: residentKb(server.pid) / 1024 };
  } finally {
    await server.stop();
  }
}

/** Takes all and keeps nothing. */
class Collector {
  requests = 0;
  bytes = 0;
  readonly #server: HttpServer;

  static async open(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => {
        this.bytes += chunk.length;
      });
      request.on('end', () => {
        this.requests++;
        response.end('{}');
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
