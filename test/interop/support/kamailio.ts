/** Kamailio as outbound proxy: it stays in the way of what follows (Record-Route), and says what it saw. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import type { TestCertificate } from '../../helpers/certificates.ts';
import { type Folder, temporaryFolder } from './folder.ts';
import { freePort } from './ports.ts';
import { Program } from './process.ts';

export interface KamailioOptions {
  /** Where initial requests go: `sip:127.0.0.1:5090;transport=tcp`. */
  readonly target: string;
  readonly tls: TestCertificate;
  /** Where it listens; default 127.0.0.1. */
  readonly address?: string;
  /** Where calls to numbers with a + in front go. */
  readonly outbound?: string;
}

/** A request that passed: `INVITE tcp`, in order. */
export class Kamailio implements AsyncDisposable {
  readonly program: Program;
  /** UDP and TCP. */
  readonly port: number;
  readonly tlsPort: number;
  readonly #folder: Folder;

  private constructor(program: Program, port: number, tlsPort: number, folder: Folder) {
    this.program = program;
    this.port = port;
    this.tlsPort = tlsPort;
    this.#folder = folder;
  }

  static async start(options: KamailioOptions): Promise<Kamailio> {
    for (let attempt = 1; ; attempt++) {
      const [folder, port, tlsPort] = [await temporaryFolder(), await freePort(), await freePort()];
      await configure(folder, port, tlsPort, options);
      const args = ['-f', folder.file('kamailio.cfg'), '-DD', '-E', '-Y', folder.file('run'), '-P', folder.file('pid')];
      const kamailio = new Kamailio(new Program('kamailio', args), port, tlsPort, folder);
      try {
        await kamailio.program.until('ready', () => kamailio.program.output.includes('proxy is ready'));
        return kamailio;
      } catch (error) {
        await kamailio[Symbol.asyncDispose]();
        if (attempt === 5) throw error;
      }
    }
  }

  /** What passed, as `INVITE tcp`. */
  get passed(): string[] {
    return [...this.program.output.matchAll(/passed: (\w+ \w+)/g)].map(([, what]) => what ?? '');
  }

  async sees(what: string): Promise<void> {
    await expect.poll(() => this.passed, { timeout: 15_000 }).toContain(what);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its processes end with the first of them only if that has the time to tell them.
    this.program.kill('SIGTERM');
    await this.program.ended(20_000).catch(() => {});
    await this.program[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

const folders = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((arch) => `/usr/lib/${arch}/kamailio/modules`);

async function configure(folder: Folder, port: number, tlsPort: number, options: KamailioOptions): Promise<void> {
  const { target, tls, address = '127.0.0.1', outbound = target } = options;
  await mkdir(folder.file('run'));
  await writeFile(folder.file('cert.pem'), tls.cert);
  await writeFile(folder.file('key.pem'), tls.key);
  const modules = folders.find((path) => existsSync(path)) ?? folders[0];
  const config = `
debug=2
log_stderror=yes
children=1
tcp_children=1
enable_tls=yes
tcp_accept_no_cl=no
auto_aliases=no
listen=udp:${address}:${port}
listen=tcp:${address}:${port}
listen=tls:${address}:${tlsPort}
mpath="${modules}/"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("tls", "certificate", "${folder.file('cert.pem')}")
modparam("tls", "private_key", "${folder.file('key.pem')}")
modparam("tls", "verify_certificate", 0)
modparam("tls", "tls_method", "TLSv1.2+")

event_route[core:worker-one-init] { xlog("L_NOTICE", "proxy is ready\\n"); }

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  xlog("L_NOTICE", "passed: $rm $proto\\n");
  if (has_totag()) {
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not Here");
    exit;
  }
  t_check_trans();
  loose_route();
  record_route();
  $du = "${target}";
  if ($rU =~ "^[+]") $du = "${outbound}";
  t_relay();
}
`;
  await writeFile(folder.file('kamailio.cfg'), config);
}
