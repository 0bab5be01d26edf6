import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { leaves } from '../../src/config/leaves.ts';
import { listenersOf } from '../../src/config/listeners.ts';
import { type ConfigSources, loadConfig, variableOf } from '../../src/config/sources.ts';
import { runTandem, TemporaryFolder } from '../helpers/cli.ts';

function load(sources: Partial<ConfigSources>) {
  return loadConfig({
    flags: new Map(),
    environment: {},
    file: undefined,
    readSecret: (path) => {
      throw new Error(`no file ${path}`);
    },
    ...sources,
  });
}

const file = (text: string) => ({ path: 'tandem.yaml', text });
const flag = (path: string, name: string, value: unknown) => ({ flags: new Map([[path, { value, flag: name }]]) });

describe('the order of sources', () => {
  it('is flag, variable, file, default', () => {
    const yaml = file('log:\n  level: error\n');
    const environment = { TANDEM_LOG_LEVEL: 'debug' };
    expect(load({}).config.log.level).toBe('info');
    expect(load({ file: yaml }).config.log.level).toBe('error');
    expect(load({ file: yaml, environment }).config.log.level).toBe('debug');
    expect(load({ file: yaml, environment, ...flag('log.level', '--log-level', 'warn') }).config.log.level).toBe(
      'warn',
    );
  });

  it('is told for every key', () => {
    const { origins } = load({
      file: file('media: { rtpPorts: { min: 20000 } }\nuserAgent: Mine\n'),
      environment: { TANDEM_USER_AGENT: 'Yours' },
      ...flag('listen', '--listen', ['udp:127.0.0.1:0']),
    });
    expect([...origins.keys()]).toEqual([...leaves.keys()]);
    expect(origins.get('listen')).toBe('flag --listen');
    expect(origins.get('userAgent')).toBe('variable TANDEM_USER_AGENT');
    expect(origins.get('media.rtpPorts.min')).toBe('file tandem.yaml');
    expect(origins.get('media.rtpPorts.max')).toBe('default');
  });
});

describe('variables', () => {
  it.each([
    ['listen', 'TANDEM_LISTEN'],
    ['media.rtpPorts.min', 'TANDEM_MEDIA_RTP_PORTS_MIN'],
    ['store.url', 'TANDEM_STORE_URL'],
    ['store.mode', 'TANDEM_STORE_MODE'],
    ['log.level', 'TANDEM_LOG_LEVEL'],
    ['media.symmetricRtp', 'TANDEM_MEDIA_SYMMETRIC_RTP'],
  ])('%s is %s', (path, name) => {
    expect(leaves.has(path)).toBe(true);
    expect(variableOf(path)).toBe(name);
  });

  it('hold numbers, JSON lists, and listeners with commas', () => {
    const { config } = load({
      environment: {
        TANDEM_MEDIA_RTP_PORTS_MIN: '20000',
        TANDEM_MEDIA_CODECS: '["PCMA","telephone-event"]',
        TANDEM_LISTEN: 'udp:127.0.0.1:5070, tcp:[::1]:5070',
      },
    });
    expect(config.media.rtpPorts.min).toBe(20_000);
    expect(config.media.codecs).toEqual(['PCMA', 'telephone-event']);
    expect(config.listen).toEqual(['udp:127.0.0.1:5070', 'tcp:[::1]:5070']);
  });

  it('read a secret from a file, without its last line end', () => {
    const secrets = new Map([['/run/secrets/agent', 'Quiet\n']]);
    const { config, origins } = load({
      environment: { TANDEM_USER_AGENT_FILE: '/run/secrets/agent' },
      readSecret: (path) => secrets.get(path) ?? '',
    });
    expect(config.userAgent).toBe('Quiet');
    expect(origins.get('userAgent')).toBe('variable TANDEM_USER_AGENT_FILE');
  });

  it('that Kubernetes and other commands use are let be', () => {
    const environment = {
      TANDEM_PORT: 'udp://10.0.0.1:5060',
      TANDEM_PORT_5060_UDP_ADDR: '10.0.0.1',
      TANDEM_SERVICE_HOST: '10.0.0.1',
      TANDEM_SERVICE_PORT_SIP: '5060',
      TANDEM_CTL: './run/tandem_ctl',
      TANDEM_TEST_WORKERS: '2',
    };
    expect(load({ environment }).config).toEqual(load({}).config);
  });
});

describe('what is wrong is named', () => {
  it.each<[string, Partial<ConfigSources>, string]>([
    ['an unknown key', { file: file('medium: {}\n') }, 'tandem.yaml:1: medium: unknown key: did you mean media?'],
    [
      'an unknown key inside',
      { file: file('media:\n  rtpPort: 1\n') },
      'tandem.yaml:2: media.rtpPort: unknown key: did you mean rtpPorts?',
    ],
    ['a value for a group', { file: file('media: 3\n') }, 'tandem.yaml:1: media: must hold settings'],
    ['a list for the file', { file: file('- 1\n') }, 'tandem.yaml:1: the file must hold settings'],
    ['broken YAML', { file: file('log: [1\n') }, 'tandem.yaml:2: '],
    ['a wrong choice', { file: file('log: { level: loud }\n') }, 'tandem.yaml:1: log.level: '],
    ['a wrong type', { file: file('drainTimeout: soon\n') }, 'tandem.yaml:1: drainTimeout: '],
    [
      'a key inside a listener',
      { file: file('listen: [{ transport: udp, host: a, prt: 1 }]\n') },
      'tandem.yaml:1: listen[0].prt: unknown key: did you mean port?',
    ],
    ['an unknown variable', { environment: { TANDEM_LOGLEVEL: 'info' } }, 'unknown variable TANDEM_LOGLEVEL'],
    ['no number', { environment: { TANDEM_DRAIN_TIMEOUT: 'x' } }, 'TANDEM_DRAIN_TIMEOUT: "x" is not a number'],
    ['no list', { environment: { TANDEM_MEDIA_CODECS: 'PCMU' } }, 'TANDEM_MEDIA_CODECS: "PCMU" is not a JSON list'],
    ['out of bounds', { environment: { TANDEM_MEDIA_RTP_PORTS_MIN: '80' } }, 'MIN: media.rtpPorts.min: '],
    [
      'a setting and its secret file',
      { environment: { TANDEM_STORE_URL: 'none', TANDEM_STORE_URL_FILE: 'x' } },
      'TANDEM_STORE_URL and TANDEM_STORE_URL_FILE are both set',
    ],
    [
      'an unreadable secret',
      { environment: { TANDEM_STORE_URL_FILE: 'nowhere' } },
      'TANDEM_STORE_URL_FILE: cannot read',
    ],
    [
      'an empty range',
      { environment: { TANDEM_MEDIA_RTP_PORTS_MIN: '30000', TANDEM_MEDIA_RTP_PORTS_MAX: '20000' } },
      'variable TANDEM_MEDIA_RTP_PORTS_MIN: media.rtpPorts.min: (30000) must be below media.rtpPorts.max (20000)',
    ],
  ])('%s', (_, sources, message) => {
    expect(() => load(sources)).toThrow(message);
  });
});

describe('listeners', () => {
  it('are text or objects, and take the addresses that peers see', () => {
    const { config } = load({
      file: file(
        'listen: ["udp:0.0.0.0:5060", { transport: tcp, host: "::", port: 5061, externalHost: sip.example.org }]\n' +
          'externalHost: 203.0.113.7\nmediaExternalIp: 203.0.113.8\n',
      ),
    });
    expect(listenersOf(config)).toEqual([
      {
        transport: 'udp',
        bindHost: '0.0.0.0',
        bindPort: 5060,
        externalHost: '203.0.113.7',
        mediaExternalIp: '203.0.113.8',
      },
      {
        transport: 'tcp',
        bindHost: '::',
        bindPort: 5061,
        externalHost: 'sip.example.org',
        mediaExternalIp: '203.0.113.8',
      },
    ]);
  });

  it('have IPv6 addresses in brackets', () => {
    expect(listenersOf({ ...load({}).config, listen: ['tcp:[::1]:5060'] })).toEqual([
      { transport: 'tcp', bindHost: '::1', bindPort: 5060 },
    ]);
    expect(() => listenersOf({ ...load({}).config, listen: ['tcp:::1:5060'] })).toThrow('is not a listener');
  });
});

describe('trunks', () => {
  const yaml = `
trunks:
  main:
    uri: sip.provider.example
    username: '4930123'
    register: true
    callerId: { add: '+49', header: p-asserted-identity }
    trusted: [192.0.2.0/24]
  back-up: { uri: 198.51.100.1, maxChannels: 4 }
`;

  it('are read with their defaults', () => {
    const { trunks } = load({ file: file(yaml) }).config;
    expect(Object.keys(trunks)).toEqual(['main', 'back-up']);
    expect(trunks.main).toMatchObject({ register: true, qualify: 0 });
    expect(trunks['back-up']).toMatchObject({ register: false, maxChannels: 4 });
    expect(load({}).config.trunks).toEqual({});
  });

  it('have passwords of their own in variables and files', () => {
    const environment = {
      TANDEM_TRUNKS_MAIN_PASSWORD_FILE: '/run/secrets/trunk',
      TANDEM_TRUNKS_BACK_UP_PASSWORD: 'two',
    };
    const { config, origins } = load({ file: file(yaml), environment, readSecret: () => 'one\n' });
    expect([config.trunks.main?.password, config.trunks['back-up']?.password]).toEqual(['one', 'two']);
    expect(origins.get('trunks')).toBe('file tandem.yaml');
  });

  it.each([
    ['trunks: { main: { uri: a, srtp: sdes } }', 'tandem.yaml:1: trunks.main.srtp'],
    ['trunks: { main: { } }', 'trunks.main.uri'],
    ['trunks: { main: { uri: a, maxChannels: 0 } }', 'trunks.main.maxChannels'],
    ['trunks: { main: { uri: a, color: red } }', 'color'],
    ['trunks: { "a.b": { uri: a } }', 'trunks.a.b'],
    ['trunks: [main]', 'trunks'],
    ['trunks: { main: sip.provider.example }', 'trunks.main'],
  ])('%s is refused', (text, message) => {
    expect(() => load({ file: file(text) })).toThrow(message);
  });

  it('that nobody named have no password', () => {
    const environment = { TANDEM_TRUNKS_OTHER_PASSWORD: 'x' };
    expect(() => load({ file: file(yaml), environment })).toThrow('unknown variable TANDEM_TRUNKS_OTHER_PASSWORD');
  });

  it('keep their passwords to themselves in `tandem config`', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem.yaml'), yaml.replace('register: true', 'password: hush'));
    for (const args of [['config'], ['config', '--json']]) {
      const { status, stdout } = await runTandem(args, { cwd: folder.path });
      expect(status).toBe(0);
      expect(stdout).toContain('sip.provider.example');
      expect(stdout).not.toContain('hush');
    }
  });
});

describe('HTTP', () => {
  const yaml = 'http:\n  webhooks:\n    - { url: "https://a.example.com/", secret: hush, events: ["call:*"] }\n';

  it('has the passwords of people from variables as well', () => {
    const people = 'http:\n  users:\n    ann: { role: control }\n';
    const { users } = load({ environment: { TANDEM_HTTP_USERS_ANN_PASSWORD: 'pw' }, file: file(people) }).config.http;
    expect(users).toEqual({ ann: { password: 'pw', role: 'control' } });
  });

  it.each([
    ['http: { users: { ann: { role: view } } }', 'http.users.ann'],
    ['http: { users: { ann: { hash: secret } } }', 'tandem password'],
    ['http: { users: { ann: { password: a, role: admin } } }', 'role'],
    ['http: { tlsListen: 8443 }', 'http.tlsListen'],
    ['webrtc: { iceServers: [{ urls: "http://x" }] }', 'stun: or turn:'],
    ['webrtc: { iceServers: [{ urls: "turn:x", username: a }] }', 'go together'],
    ['webrtc: { servers: ["https://x"] }', 'ws:// or wss://'],
  ])('%s is refused', (text, says) => {
    expect(() => load({ file: file(text) })).toThrow(says);
  });

  it('is on loopback, unless it is told otherwise', () => {
    expect(load({}).config.http).toEqual({
      ...{ listen: '127.0.0.1:8080', users: {}, webhooks: [] },
      ...{ makeToken: false, tls: false, tlsListen: '0.0.0.0:8443', tlsFolder: './data/tls' },
    });
    const environment = { TANDEM_HTTP_LISTEN: 'none', TANDEM_HTTP_TOKEN_FILE: '/run/secrets/token' };
    const { http } = load({ environment, file: file(yaml), readSecret: () => 'geheim\n' }).config;
    expect(http).toMatchObject({ listen: 'none', token: 'geheim', webhooks: [{ secret: 'hush', events: ['call:*'] }] });
  });

  it.each([
    ['http: { listen: 8080 }', 'http.listen'],
    ['http: { token: 1234 }', 'http.token: expected text'],
    ['http: { token: "" }', 'http.token'],
    ['http: { webhooks: [{ url: "ftp://a", secret: b }] }', 'expected http:// or https://'],
    ['http: { webhooks: [{ url: "http://a" }] }', 'http.webhooks[0].secret'],
  ])('%s is refused', (text, message) => {
    expect(() => load({ file: file(text) })).toThrow(message);
  });

  it('keeps its secrets to itself in `tandem config`', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem.yaml'), yaml);
    const env = { TANDEM_HTTP_TOKEN: 'geheim', TANDEM_HTTP_VIEW_TOKEN: 'geheim too' };
    const { stdout } = await runTandem(['config'], { cwd: folder.path, env });
    expect(stdout).toContain('a.example.com');
    expect(stdout).toMatch(/^http\.token +"…" +variable TANDEM_HTTP_TOKEN$/m);
    expect(stdout).not.toMatch(/geheim|hush/);
  });
});

describe('tandem config', () => {
  it('prints every setting and where it came from', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('tandem.yaml'), 'userAgent: Mine\n');
    const env = { TANDEM_STORE_URL: 'postgres://tandem:geheim@db/tandem', TANDEM_TRACE_PASSWORD: 'geheim' };
    const { status, stdout, stderr } = await runTandem(['config'], { cwd: folder.path, env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^userAgent +"Mine" +file tandem\.yaml$/m);
    expect(stdout).toMatch(/^drainTimeout +10000 +default$/m);
    expect(stdout).toMatch(/^trace\.password +"…" +variable TANDEM_TRACE_PASSWORD$/m);
    expect(stdout).toMatch(/^store\.url +"postgres:\/\/tandem:…@db\/tandem" +variable TANDEM_STORE_URL$/m);
  });

  it('prints them as JSON, and the JSON Schema', async () => {
    using folder = new TemporaryFolder();
    const values = await runTandem(['config', '--json'], { cwd: folder.path, env: { TANDEM_LOG_LEVEL: 'debug' } });
    expect(JSON.parse(values.stdout)['log.level']).toEqual({ value: 'debug', from: 'variable TANDEM_LOG_LEVEL' });
    const schema = await runTandem(['config', '--schema'], { cwd: folder.path });
    expect(JSON.parse(schema.stdout)).toMatchObject({ type: 'object', properties: { media: { type: 'object' } } });
    const rpc = await runTandem(['schema', 'rpc'], { cwd: folder.path });
    expect(JSON.parse(rpc.stdout)).toMatchObject({ methods: { 'call.play': {} }, events: { 'call:parked': {} } });
    expect(await runTandem(['schema', 'nothing'], { cwd: folder.path })).toMatchObject({ status: 2 });
  });
});
