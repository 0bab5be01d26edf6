import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type ConfigSources, loadConfig } from '../../src/config/sources.ts';
import { runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { RawPhone } from '../helpers/raw-phone.ts';
import { resourceIn, spansIn, treesOf } from '../helpers/spans.ts';

const script = `import { trace } from '@opentelemetry/api';
export default async (call) => {
  await call.answer();
  await call.step('look up', () => trace.getActiveSpan()?.setAttribute('customer', 7));
  await call.ended;
};`;

/** Keeps what is posted to it. */
class Collector {
  readonly bodies: string[] = [];
  readonly headers: NodeJS.Dict<string | string[]>[] = [];
  #server: Server | undefined;
  #port = 0;

  async start(): Promise<void> {
    this.#server = createServer((request, response) => {
      this.headers.push({ ...request.headers, url: request.url });
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        this.bodies.push(body);
        response.end('{}');
      });
    }).listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async kill(): Promise<void> {
    const closed = this.#server && once(this.#server, 'close');
    this.#server?.close();
    this.#server?.closeAllConnections();
    await closed;
  }
}

describe('tandem serve', () => {
  it('sends traces to the collector that OTEL_ variables name, although it was away meanwhile', async () => {
    const collector = new Collector();
    await collector.start();
    using folder = new TemporaryFolder();
    writeFileSync(
      folder.file('script.ts'),
      script.replace('@opentelemetry/api', import.meta.resolve('@opentelemetry/api')),
    );
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20b',
      OTEL_SERVICE_NAME: 'pbx',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    };
    await using server = await startServer(['serve', 'script.ts', '--log-level', 'info'], { cwd: folder.path, env });
    await collector.kill();
    using phone = await RawPhone.open();
    await phone.call(server.port);
    await phone.bye();
    await server.tandem.prints(/the collector takes no spans/);
    await collector.start();
    expect((await server.tandem.stop()).status).toBe(0);
    await collector.kill();
    expect(treesOf(spansIn(collector.bodies))).toEqual(['call', '  leg inbound', '    answered', '    step look up']);
    const step = spansIn(collector.bodies).find(({ name }) => name === 'step look up');
    expect(step?.attributes.customer).toBe(7);
    expect(resourceIn(collector.bodies[0] ?? '{}')['service.name']).toBe('pbx');
    expect(collector.headers[0]).toMatchObject({ 'x-key': 'a b', url: '/v1/traces' });
  });

  it('shows by `tandem trace` why a call failed', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('script.ts'), 'export default (call) => call.reject(486);');
    await using server = await startServer(['serve', 'script.ts', '--http', '127.0.0.1:0', '--log-level', 'info'], {
      cwd: folder.path,
    });
    const [, port] = await server.tandem.prints(/"port":(\d+)[^\n]*"listening for HTTP"/);
    using phone = await RawPhone.open();
    await phone.call(server.port).catch(() => {});
    const [, callId = ''] = await server.tandem.prints(/"callId":"([^"]+)"/);
    const control = `unixs:${folder.file('run/tandem_ctl')}`;
    const { status, stdout } = await runTandem(['trace', callId, '-s', control], { cwd: folder.path });
    expect(status).toBe(0);
    expect(stdout).toMatch(/INVITE sip:/);
    expect(stdout).toContain('486 Busy Here');
    expect(stdout).toMatch(/leg inbound, ended by local 486/);
    const json = await (await fetch(`http://127.0.0.1:${port}/trace/${encodeURIComponent(callId)}`)).json();
    expect(json).toMatchObject({ callId, media: [{ callId, cause: { status: 486 } }] });
    expect((await fetch(`http://127.0.0.1:${port}/trace/unknown`)).status).toBe(404);
    const unknown = await runTandem(['trace', 'unknown', '-s', control], { cwd: folder.path });
    expect([unknown.status, unknown.stderr]).toEqual([1, 'tandem: 404 nothing is kept of this call\n']);
  });
});

describe('settings', () => {
  const load = (sources: Partial<ConfigSources>) =>
    loadConfig({ flags: new Map(), environment: {}, file: undefined, readSecret: () => '', ...sources });

  it('an OTEL_ variable counts more than the file, and less than a TANDEM_ one', () => {
    const file = { path: 'tandem.yaml', text: 'telemetry: { serviceName: from-file, endpoint: "http://file:4318" }' };
    const environment = { OTEL_SERVICE_NAME: 'from-otel', OTEL_TRACES_SAMPLER: '', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    const { config, origins } = load({ file, environment });
    expect(config.telemetry).toMatchObject({
      serviceName: 'from-otel',
      endpoint: 'http://file:4318',
      samplerArg: 0.25,
    });
    expect(origins.get('telemetry.serviceName')).toBe('variable OTEL_SERVICE_NAME');
    const more = { ...environment, TANDEM_TELEMETRY_SERVICE_NAME: 'from-tandem' };
    expect(load({ file, environment: more }).config.telemetry.serviceName).toBe('from-tandem');
  });

  it('OTEL_SDK_DISABLED and OTEL_TRACES_EXPORTER=none turn it off', () => {
    for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }]) {
      const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', ...off };
      expect(load({ environment }).config.telemetry.endpoint).toBe('none');
    }
  });

  it.each([
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL: grpc is not spoken here'],
    [{ OTEL_TRACES_SAMPLER_ARG: 'half' }, 'OTEL_TRACES_SAMPLER_ARG: "half" cannot be read'],
    [{ OTEL_TRACES_SAMPLER_ARG: '7' }, 'variable OTEL_TRACES_SAMPLER_ARG: telemetry.samplerArg'],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'nonsense' }, 'OTEL_EXPORTER_OTLP_HEADERS: "nonsense" cannot be read'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }, 'variable OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.endpoint'],
  ])('%j is refused with what is wrong', (environment, message) => {
    expect(() => load({ environment: environment as ConfigSources['environment'] })).toThrow(message);
  });

  it('headers are not shown', async () => {
    using folder = new TemporaryFolder();
    const env = { OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20hush' };
    const { stdout } = await runTandem(['config'], { cwd: folder.path, env });
    expect(stdout).toMatch(/telemetry\.headers +"…" +variable OTEL_EXPORTER_OTLP_HEADERS/);
    expect(stdout).not.toContain('hush');
  });
});
