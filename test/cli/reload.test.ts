/** A running server that reads its configuration again, as its users do it. */
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runTandem, startServer, TemporaryFolder } from '../helpers/cli.ts';
import { RawPhone } from '../helpers/raw-phone.ts';

const echo = 'routes: [{ called: "600", to: { service: echo } }]\n';
const busy = 'routes: [{ called: "600", to: { reject: 486 } }]\n';

/** However busy the machine is. */
const env = { TANDEM_ADMISSION_MAX_CPU: '0', TANDEM_ADMISSION_MAX_LAG: '0' };

let folder: TemporaryFolder;
let server: RunningServer;

beforeAll(async () => {
  folder = new TemporaryFolder();
  write(echo);
  server = await startServer(['ivr'], { cwd: folder.path, env });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

function write(yaml: string): void {
  writeFileSync(folder.file('tandem.yaml'), yaml);
}

const reload = () => runTandem(['reload'], { cwd: folder.path });

async function statusOf(user: string): Promise<number> {
  using phone = await RawPhone.open();
  const { status } = await phone.call(server.port, { user });
  if (status === 200) await phone.bye();
  return status;
}

/** Speaks until it hears itself. */
async function isEchoed(phone: RawPhone, mark: number): Promise<void> {
  const marker = Buffer.alloc(160, mark);
  const speak = (): boolean => {
    phone.sendRtp(marker);
    return phone.packets.some(({ payload }) => payload.equals(marker));
  };
  await expect.poll(speak, { timeout: 10_000, interval: 20 }).toBe(true);
}

describe('tandem reload', () => {
  it('changes what comes, and no call that runs', async () => {
    using phone = await RawPhone.open();
    expect((await phone.call(server.port, { user: '600' })).status).toBe(200);
    await isEchoed(phone, 0x2a);
    write(busy);
    expect(await reload()).toMatchObject({ status: 0, stdout: 'changed: routes\n', stderr: '' });
    expect(await statusOf('600')).toBe(486);
    await isEchoed(phone, 0x2b);
    expect((await phone.bye()).status).toBe(200);
    expect(await reload()).toMatchObject({ status: 0, stdout: 'nothing has changed\n' });
  });

  it('refuses a wrong file as a whole, and says in its answer and in the log what is wrong', async () => {
    write(`${echo}menus:\n  main: { prompt: a, keys: {} }\nlog: { level: loud }\n`);
    const { status, stderr } = await reload();
    expect(status).toBe(2);
    expect(stderr).toContain('tandem.yaml:4: log.level: expected trace, debug, info, warn, error or silent');
    await server.tandem.prints(/tandem\.yaml:4: log\.level[^\n]*the old one stays/);
    write(`${echo}menus:\n  main: { prompt: a.wav, keys: {} }\n`);
    expect((await reload()).stderr).toContain('tandem.yaml:3: menus.main.prompt: there is no file a.wav');
    expect(await statusOf('600')).toBe(486);
  });

  it('names what needs a restart, and takes over the rest', async () => {
    write(`${echo}listen: ["udp:127.0.0.1:5999"]\nuserAgent: Mine\ndrainTimeout: 500\n`);
    const { status, stdout, stderr } = await reload();
    expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
    // The flag of the test goes before what the file says of `listen`.
    expect(stdout).toBe('changed: drainTimeout, routes\nneeds a restart: userAgent\n');
  });

  it('is SIGHUP, too', async () => {
    write(busy);
    server.tandem.child.kill('SIGHUP');
    const isBusy = async (): Promise<number> => {
      await delay(20);
      return statusOf('600');
    };
    await expect.poll(isBusy, { timeout: 10_000 }).toBe(486);
  });
});
