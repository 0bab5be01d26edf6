/** A network of its own for a browser, which can be taken away from it: a network namespace of Linux. Needs root. */
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { Browser } from 'playwright-core';
import { launchBrowser } from './browser.ts';
import { type Folder, temporaryFolder } from './folder.ts';

export class OtherNetwork implements AsyncDisposable {
  /** This machine's address in it. */
  readonly here: string;
  readonly #name: string;
  readonly #folder: Folder;
  #address: string;

  private constructor(id: number, folder: Folder) {
    this.#name = `tandem-${id}`;
    this.here = `10.77.${id % 250}.1`;
    this.#address = `10.77.${id % 250}.2`;
    this.#folder = folder;
  }

  static async open(): Promise<OtherNetwork> {
    const network = new OtherNetwork(randomInt(1000, 9999), await temporaryFolder());
    const [near, far] = [`${network.#name}a`, `${network.#name}b`];
    ip('netns', 'add', network.#name);
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', network.#name);
    ip('addr', 'add', `${network.here}/24`, 'dev', near);
    ip('link', 'set', near, 'up');
    network.#inside('link', 'set', 'lo', 'up');
    network.#inside('link', 'set', far, 'up');
    network.#arrive();
    return network;
  }

  /** A browser that has this network and no other. */
  async launchBrowser(): Promise<Browser> {
    const { PATH = '' } = process.env;
    const wrapper = this.#folder.file('chromium');
    await writeFile(wrapper, `#!/bin/sh\nPATH='${PATH}' exec ip netns exec ${this.#name} chromium "$@"\n`);
    await chmod(wrapper, 0o755);
    process.env.PATH = `${this.#folder.path}${delimiter}${PATH}`;
    try {
      return await launchBrowser();
    } finally {
      process.env.PATH = PATH;
    }
  }

  /** It has no address any more: what it sends goes nowhere, and nobody is told. */
  leave(): void {
    this.#inside('addr', 'del', `${this.#address}/24`, 'dev', `${this.#name}b`);
  }

  /** It has another address. */
  comeElsewhere(): void {
    this.#address = this.#address.replace(/\d+$/, (last) => String(Number(last) + 1));
    this.#arrive();
  }

  #arrive(): void {
    this.#inside('addr', 'add', `${this.#address}/24`, 'dev', `${this.#name}b`);
    this.#inside('route', 'add', 'default', 'via', this.here);
  }

  #inside(...command: readonly string[]): void {
    ip('-n', this.#name, ...command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The link goes with it.
    ip('netns', 'del', this.#name);
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Whether this process may make one. */
export function canHaveOtherNetwork(): boolean {
  const name = `tandem-try-${process.pid}`;
  if (process.getuid?.() !== 0 || spawnSync('ip', ['netns', 'add', name]).status !== 0) return false;
  return spawnSync('ip', ['netns', 'del', name]).status === 0;
}

function ip(...command: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${command.join(' ')}: ${stderr}`);
}
