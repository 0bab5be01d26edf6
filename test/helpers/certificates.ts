/** Certificates for tests, signed by an authority of their own; openssl makes them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export class TestAuthority {
  /** Its own certificate, PEM. */
  readonly ca: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tandem-ca-'));
  #made = 0;

  constructor() {
    this.#openssl('req', '-x509', ...newKey('ca.key'), '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test authority');
    this.ca = this.#read('ca.pem');
  }

  /** @param names as in a certificate: `DNS:a.example.com`, `IP:127.0.0.1`, `URI:sip:example.com` */
  issue(...names: readonly string[]): TestCertificate {
    const name = `c${++this.#made}`;
    writeFileSync(join(this.#folder, `${name}.ext`), `subjectAltName=${names.join(',')}\n`);
    this.#openssl('req', ...newKey(`${name}.key`), '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signed);
    return { cert: this.#read(`${name}.pem`), key: this.#read(`${name}.key`) };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8');
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#folder, stdio: 'pipe' });
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}
