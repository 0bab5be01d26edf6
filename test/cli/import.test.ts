import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importKamailio } from '../../src/config/kamailio-import.ts';
import { loadConfig } from '../../src/config/sources.ts';
import { runTandem, TemporaryFolder } from '../helpers/cli.ts';

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const load = (yaml: string) =>
  loadConfig({ flags: new Map(), environment: {}, file: { path: 'x.yaml', text: yaml }, readSecret: () => '' }).config;
const take = (text: string) => importKamailio(text, 'kamailio.cfg');

describe('a kamailio.cfg', () => {
  it('becomes a tandem.yaml that says what was left out', () => {
    const { yaml, found } = importKamailio(fixture('kamailio-proxy.cfg'), 'kamailio-proxy.cfg');
    expect(yaml).toBe(fixture('kamailio-proxy.yaml'));
    expect(found).toBe(6);
    expect(load(yaml).registry).toMatchObject({
      defaultTimeout: 21_600,
      dlgExtraHdrs: 'X-Kamailio-Dialog: yes\r\n',
      profilesWithValue: 'caller',
    });
  });

  it.each<[string, string, object]>([
    ['several modules at once', 'modparam("tm|dialog", "hash_size", 1024)', { hashSize: 1024 }],
    [
      'comments',
      '/* modparam("dialog", "hash_size", 1) */ // no\nmodparam("dialog", # yes\n"hash_size", 64)',
      { hashSize: 64 },
    ],
    [
      'comments of several lines',
      '/* old:\nmodparam("dialog", "hash_size", 1) **\n*/modparam("dialog", "early_timeout", 64)/* never\nmodparam("dialog", "hash_size", 2)\n',
      { hashSize: 4096, earlyTimeout: 64 },
    ],
    ['a quoted hash', 'modparam("dialog", "dlg_extra_hdrs", "X: #1\\r\\n")', { dlgExtraHdrs: 'X: #1\r\n' }],
    ['texts in a row', `modparam("dialog", "profiles_no_value", "in;" 'out')`, { profilesNoValue: 'in;out' }],
    ['hexadecimal', 'modparam("dialog", "hash_size", 0x400)', { hashSize: 1024 }],
    ['the later of two', 'modparam("dialog","hash_size",1)\nmodparam("dialog","hash_size",2)', { hashSize: 2 }],
    ['flags as flags', 'modparam("dialog", "send_bye", 0)', { sendBye: false }],
    [
      'constants',
      '#!define SIZE BIG\n#!define BIG 2048 # slots\nmodparam("dialog", "hash_size", SIZE)',
      { hashSize: 2048 },
    ],
    [
      'constants of text',
      '!!substdefs "!HDR!X-Node: one!g"\nmodparam("dialog", "dlg_extra_hdrs", HDR)',
      { dlgExtraHdrs: 'X-Node: one' },
    ],
    [
      'constants in texts',
      '#!substdef "/NODE/eins/"\nmodparam("dialog", "dlg_extra_hdrs", "X-Node: NODE")',
      { dlgExtraHdrs: 'X-Node: eins' },
    ],
    [
      'constants with a dollar',
      '#!substdef "!NODE!$$&!g"\nmodparam("dialog", "dlg_extra_hdrs", "X-Node: NODE")',
      { dlgExtraHdrs: 'X-Node: $$&' },
    ],
    [
      'what is defined',
      '#!define A\n#!ifdef A\nmodparam("dialog","hash_size",1)\n#!else\nmodparam("dialog","hash_size",2)\n#!endif',
      { hashSize: 1 },
    ],
    [
      'what is not',
      '#!ifdef A\nmodparam("dialog","hash_size",1)\n#!ifndef B\nmodparam("dialog","hash_size",3)\n#!endif\n#!else\nmodparam("dialog","hash_size",2)\n#!endif',
      { hashSize: 2 },
    ],
    ['first definitions', '#!define S 1\n#!trydef S 2\nmodparam("dialog","hash_size",S)', { hashSize: 1 }],
  ])('with %s', (_, text, registry) => {
    expect(load(take(text).yaml).registry).toMatchObject(registry);
  });

  it.each<[string, string, string]>([
    ['another module', 'modparam("tm", "fr_timer", 3)', ''],
    [
      'an unknown parameter',
      '\nmodparam("dialog", "hash_sise", 3)',
      'line 2: hash_sise: the dialog module has no such',
    ],
    [
      'a value out of bounds',
      'modparam("dialog", "ka_interval", 5)',
      'line 1: ka_interval: 5: expected 0, or 30 and more',
    ],
    ['a negative one', 'modparam("dialog", "h_id_start", -1)', 'line 1: h_id_start: -1: '],
    ['an expression', 'modparam("dialog", "hash_size", 2*512)', 'line 1: hash_size: its value is neither'],
    ['a pseudo-variable', 'modparamx("dialog", "hash_size", "$def(S)")', 'line 1: hash_size: its value is neither'],
    [
      'a name that means itself',
      '#!define S S\nmodparam("dialog", "hash_size", S)',
      'line 2: hash_size: its value is neither',
    ],
    [
      'what means nothing here',
      'modparam("dialog", "rr_param", "did")',
      'line 1: rr_param: we are an end of every dialog',
    ],
    [
      'another database',
      'modparam("dialog", "db_url", "text:///var/db")',
      'line 1: db_url: SQLite, PostgreSQL and MySQL are',
    ],
    [
      'a file that is included',
      'include_file "x.cfg"\n#!include_file "y.cfg"',
      'line 2: #!include_file is not followed',
    ],
    ['a substitution', '#!subst "/a/b/"', 'line 1: #!subst is not followed'],
    ['a bracket that is missing', 'modparam("dialog", "hash_size", 3', ''],
    ['a limit', 'if (get_profile_size("caller", "$fu", "$var(n)"))', 'line 1: get_profile_size(): a script does that'],
    [
      'a profile of every call',
      'set_dlg_profile("inbound");',
      'autoProfiles: { inbound: none } does it for every call',
    ],
  ])('leaves %s out, and says so', (_, text, line) => {
    const { yaml, left } = take(text);
    expect(left.map((one) => `line ${one.line}: ${one.what}: ${one.why}`).join('\n')).toContain(line);
    if (line === '') expect(left).toEqual([]);
    expect(load(yaml).registry).toEqual(load('').registry);
  });

  it('cannot write settings by a name with line breaks', () => {
    const { yaml, found } = take('modparam("dialog", "x\\nhttp: { listen: none }", 1)\nset_dlg_profile("a\\nb: 1");');
    expect([found, load(yaml)]).toEqual([1, load('')]);
  });

  it('is read in the time of its length', () => {
    const doubling = Array.from({ length: 60 }, (_, step) => `#!define A${step} A${step + 1} A${step + 1}\n`);
    expect(take(`${doubling.join('')}${'A0 '.repeat(10_000)}`).found).toBe(0);
    expect(take(`"${'\\'.repeat(200_001)}`).found).toBe(0);
    expect(take(`/*${'*'.repeat(200_000)}`).found).toBe(0);
  });
});

describe('tandem import', () => {
  it('prints the settings, and what it left out on standard error', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('kamailio-proxy.cfg'), fixture('kamailio-proxy.cfg'));
    const { status, stdout, stderr } = await runTandem(['import', 'kamailio-proxy.cfg'], { cwd: folder.path });
    expect([status, stdout]).toEqual([0, fixture('kamailio-proxy.yaml')]);
    expect(stderr.trim().split('\n')).toHaveLength(5);
    expect(stderr).toContain('tandem: kamailio-proxy.cfg: line 5: dlg_flag: every call is tracked');
  });

  it('writes a file, but not over one that is there', async () => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('kamailio.cfg'), fixture('kamailio-proxy.cfg'));
    const args = ['import', 'kamailio.cfg', '-o', 'tandem.yaml'];
    expect(await runTandem(args, { cwd: folder.path })).toMatchObject({ status: 0, stdout: '' });
    expect(existsSync(folder.file('tandem.yaml'))).toBe(true);
    const second = await runTandem(args, { cwd: folder.path });
    expect([second.status, second.stderr]).toEqual([1, expect.stringContaining('tandem.yaml is there already')]);
    const shown = await runTandem(['config', '--json'], { cwd: folder.path });
    expect(JSON.parse(shown.stdout)['registry.defaultTimeout']).toEqual({ value: 21_600, from: 'file tandem.yaml' });
  });

  it.each([
    ['a file that is not there', 'nowhere.cfg', 'cannot read nowhere.cfg'],
    ['a file without parameters', 'empty.cfg', 'empty.cfg has no modparam("dialog", …) line'],
  ])('fails for %s', async (_, path, message) => {
    using folder = new TemporaryFolder();
    writeFileSync(folder.file('empty.cfg'), 'loadmodule "dialog.so"\n');
    const { status, stderr } = await runTandem(['import', path], { cwd: folder.path });
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});
