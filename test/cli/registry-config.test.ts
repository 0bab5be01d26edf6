import { describe, expect, it } from 'vitest';
import { registryOptions, warnOfUnused } from '../../src/cli/registry-options.ts';
import { storeOptions } from '../../src/cli/store-options.ts';
import { leaves } from '../../src/config/leaves.ts';
import { unusedBecause } from '../../src/config/registry-schema.ts';
import { loadConfig } from '../../src/config/sources.ts';
import { registrySettings } from '../../src/registry/options.ts';
import { memoryLogger } from '../helpers/memory-logger.ts';

const load = (yaml: string, environment: Readonly<Record<string, string>> = {}) =>
  loadConfig({
    flags: new Map(),
    environment,
    file: { path: 'tandem.yaml', text: yaml },
    readSecret: () => '',
  }).config;

/** Every parameter of Kamailio's dialog module (5.6.3, and those that came since), and where it is here. */
const parameters = `enable_stats hash_size rr_param timeout_avp default_timeout early_timeout noack_timeout end_timeout
  dlg_flag dlg_extra_hdrs dlg_match_mode detect_spirals profiles_with_value profiles_no_value bridge_controller
  bridge_contact ruri_pvar initial_cbs_inscript send_bye wait_ack xavp_cfg ka_timer ka_interval ka_failed_limit
  timeout_noreset timer_procs track_cseq_updates lreq_callee_headers event_callback h_id_start h_id_step keep_proxy_rr
  dlg_filter_mode bye_early_code bye_early_reason dlg_ctxiuid_mode debug_variables dlg_mode enable_dmq
  enable_dmq_ka_iflags_sync dmq_peer_id`.split(/\s+/);
const storeParameters = `db_url db_mode db_update_period db_fetch_rows db_skip_load table_name call_id_column
  from_uri_column from_tag_column to_uri_column to_tag_column h_id_column h_entry_column state_column start_time_column
  timeout_column to_cseq_column from_cseq_column to_route_column from_route_column to_contact_column
  from_contact_column to_sock_column from_sock_column sflags_column toroute_name_column vars_table_name
  vars_h_id_column vars_h_entry_column vars_key_column vars_value_column`.split(/\s+/);
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

describe('the registry section', () => {
  it.each([
    ...parameters.map((name) => [name, `registry.${camel(name)}`]),
    ...storeParameters.map((name) => [name, `store.${camel(name)}`]),
  ])('%s is the key %s', (_, key) => {
    expect(leaves.has(key as string)).toBe(true);
  });

  it("has Kamailio's defaults, but for the BYE of a call whose time is up", () => {
    const settings = registrySettings(registryOptions(load('').registry));
    expect(settings).toEqual(
      registrySettings({ profilesWithValue: ['caller', 'user'], autoProfiles: { caller: 'fromUri' } }),
    );
    expect(settings).toMatchObject({
      ...{ hashSize: 4096, hIdStart: 0, hIdStep: 1, defaultTimeout: 43_200, earlyTimeout: 300, noackTimeout: 60 },
      ...{ endTimeout: 300, sendBye: true, timeoutNoreset: false, kaTimer: 0, kaInterval: 0, kaFailedLimit: 1 },
      ...{ detectSpirals: true, byeEarlyCode: 480, byeEarlyReason: 'Temporarily Unavailable' },
      ...{ profilesWithValue: ['caller', 'user'], profilesNoValue: [] },
    });
  });

  it('takes 0 and 1 for false and true, and profiles as Kamailio writes them', () => {
    const { registry } = load(
      'registry: { sendBye: 0, timeoutNoreset: 1, profilesWithValue: "gw;caller", kaInterval: 30 }',
    );
    expect(registryOptions(registry)).toMatchObject({
      ...{ sendBye: false, timeoutNoreset: true, kaInterval: 30 },
      profilesWithValue: ['user', 'gw', 'caller'],
    });
  });

  it('is set by variables, lists without JSON too', () => {
    const { registry } = load('', {
      TANDEM_REGISTRY_PROFILES_WITH_VALUE: 'gw;customer',
      TANDEM_REGISTRY_PROFILES_NO_VALUE: '["inbound"]',
      TANDEM_REGISTRY_SEND_BYE: 'false',
      TANDEM_REGISTRY_DEFAULT_TIMEOUT: '21600',
      TANDEM_REGISTRY_AUTO_PROFILES: '{"gw":"toUser"}',
    });
    expect(registryOptions(registry)).toMatchObject({
      ...{ defaultTimeout: 21_600, sendBye: false, profilesNoValue: ['inbound'], autoProfiles: { gw: 'toUser' } },
      profilesWithValue: ['caller', 'user', 'gw', 'customer'],
    });
  });

  it.each([
    ['defaultTimeout: 0', 'registry.defaultTimeout'],
    ['kaInterval: 29', 'registry.kaInterval: expected 0, or 30 and more'],
    ['hashSize: 0', 'registry.hashSize'],
    ['hIdStart: -1', 'registry.hIdStart'],
    ['sendBye: 2', 'registry.sendBye: expected true or false, 1 or 0'],
    ['byeEarlyCode: 200', 'registry.byeEarlyCode'],
    ['dlgExtraHdrs: no header', 'registry.dlgExtraHdrs: expected header lines'],
    ['bridgeController: me', 'registry.bridgeController: expected a SIP URI'],
    ['profilesWithValue: [a-b]', 'registry.profilesWithValue: expected names of letters, digits and _'],
    ['dlgMatchMode: 3', 'registry.dlgMatchMode'],
    ['defaultTime: 3', 'registry.defaultTime: unknown key: did you mean defaultTimeout?'],
  ])('refuses %s', (line, message) => {
    expect(() => load(`registry:\n  ${line}\n`)).toThrow(message);
  });

  it.each([
    ['profilesNoValue: user', 'the profile user is with and without a value'],
    ['autoProfiles: { nobody: fromUri }', 'nobody is not in profilesWithValue'],
  ])('%s is refused when the server is made of it', (line, message) => {
    const { registry } = load(`registry:\n  ${line}\n`);
    expect(() => registrySettings(registryOptions(registry))).toThrow(message);
  });

  it('takes what means nothing here, and says why in one line each', () => {
    const yaml =
      'registry: { dlgFlag: 4, timeoutAvp: "$avp(dlg_timeout)", trackCseqUpdates: 1, defaultTimeout: 21600 }';
    const { logger, lines } = memoryLogger();
    warnOfUnused(load(yaml).registry, logger);
    expect(lines.map(({ fields }) => fields)).toEqual(
      (['timeoutAvp', 'dlgFlag', 'trackCseqUpdates'] as const).map((key) => ({
        key: `registry.${key}`,
        why: unusedBecause[key],
      })),
    );
  });
});

describe('the store section', () => {
  it('has names for the modes, and takes 0 to 3', () => {
    expect([0, 1, 2, 3].map((mode) => load(`store: { dbMode: ${mode} }`).store.dbMode)).toEqual([
      ...['none', 'realtime', 'delayed', 'shutdown'],
    ]);
    expect(() => load('store: { dbMode: 4 }')).toThrow(
      'store.dbMode: expected none, realtime, delayed, shutdown, or 0',
    );
  });

  it('names a database, columns and all, as the library wants it', () => {
    const { store } = load('store: { dbUrl: "mysql://u:p@h/d", dbMode: 2, dbFetchRows: 0, callIdColumn: cid }');
    expect(storeOptions(store)).toMatchObject({
      store: {
        url: 'mysql://u:p@h/d',
        mode: 'delayed',
        fetchRows: 0,
        columns: { callId: 'cid', fromCseq: 'caller_cseq' },
      },
    });
    expect(storeOptions(load('store: { url: none }').store)).toEqual({});
  });

  it('is SQLite, written at each change, where nothing is said', () => {
    expect(storeOptions(load('').store)).toMatchObject({ store: { url: 'sqlite:./data/tandem.db', mode: 'realtime' } });
  });
});
