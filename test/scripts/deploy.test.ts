/** What is deployed with Docker, on a machine without: a `docker` of our own writes down what it is asked. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments, parse as parseYaml } from 'yaml';
import { root, TemporaryFolder } from '../helpers/cli.ts';
import { parseDockerfile } from '../image/dockerfile.ts';

/** Answers as a Docker would whose container runs the image `running` and was made with the settings `hash`. */
const docker = `#!/bin/sh
echo "$*" >> "$DOCKER_LOG"
case "$*" in
  *State.Running*) echo "$RUNNING" ;;
  *config-hash*) echo "$HASH" ;;
  *Health.Status*) echo "\${HEALTH:-healthy}" ;;
  *'image inspect'*) echo new ;;
  *'config --hash'*) echo tandem hash-1 ;;
  *build*) exit \${BUILD_STATUS:-0} ;;
esac
`;

function deploy(environment: Record<string, string>, ...args: readonly string[]) {
  using folder = new TemporaryFolder();
  writeFileSync(folder.file('docker'), docker);
  chmodSync(folder.file('docker'), 0o755);
  writeFileSync(folder.file('log'), '');
  const { status, stdout, stderr } = spawnSync('sh', [join(root, 'scripts', 'deploy.sh'), ...args], {
    encoding: 'utf8',
    env: {
      PATH: `${folder.path}:${process.env.PATH}`,
      DOCKER_LOG: folder.file('log'),
      DEPLOY_WAIT_SECONDS: '0',
      ...environment,
    },
  });
  const asked = readFileSync(folder.file('log'), 'utf8')
    .split('\n')
    .filter((line) => /\b(build|pull|stop|up|exec)\b/.test(line.replace(/--\S+ \S+compose.yaml/, '')))
    .map((line) => line.replace(/compose --project-directory \S+ -f \S+/, 'compose'));
  return { status, said: stdout, stderr, asked };
}

const up = 'compose up --detach --no-build --quiet-pull';
const checked = 'exec tandem tandem check';

describe('deploy.sh with Docker', () => {
  it('builds and starts where nothing runs', () => {
    const { status, asked } = deploy({ RUNNING: '', HASH: '' });
    expect({ status, asked }).toEqual({ status: 0, asked: ['compose build --quiet', up, checked] });
  });

  it('changes nothing where the same runs with the same settings, and says so', () => {
    const { status, said, asked } = deploy({ RUNNING: 'new', HASH: 'hash-1' });
    expect({ status, asked }).toEqual({ status: 0, asked: ['compose build --quiet', checked] });
    expect(said).toContain('nothing to do');
  });

  it.each([
    ['another image', { RUNNING: 'old', HASH: 'hash-1' }],
    ['other settings', { RUNNING: 'new', HASH: 'hash-0' }],
  ])('lets the calls go on in the next container with %s', (_, running) => {
    expect(deploy(running).asked).toEqual([
      'compose build --quiet',
      'stop --signal SIGQUIT --time 30 tandem',
      up,
      checked,
    ]);
  });

  it('lets calls end where it is told to', () => {
    expect(deploy({ RUNNING: 'old', HASH: '' }, '--drain').asked).toEqual([
      'compose build --quiet',
      'stop tandem',
      up,
      checked,
    ]);
  });

  it('pulls what it is named, and builds nothing', () => {
    expect(deploy({ RUNNING: 'new', HASH: 'hash-1' }, '--image', 'registry.example/tandem:1').asked).toEqual([
      'pull --quiet registry.example/tandem:1',
      checked,
    ]);
  });

  it('touches nothing that runs when the build fails', () => {
    const { status, stderr, asked } = deploy({ RUNNING: 'old', HASH: '', BUILD_STATUS: '1' });
    expect({ status, asked }).toEqual({ status: 1, asked: ['compose build --quiet'] });
    expect(stderr).toBe('deploy: the build failed: what runs goes on\n');
  });

  it('fails when the container does not become healthy', () => {
    expect(deploy({ RUNNING: '', HASH: '', HEALTH: 'unhealthy' })).toMatchObject({
      status: 1,
      stderr: 'deploy: not healthy after 0 s: docker logs tandem\n',
    });
  });
});

const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), 'utf8');

describe('what is described more than once', () => {
  const instructions = parseDockerfile(read('Dockerfile'));
  const of = (name: string): string => instructions.filter((one) => one.name === name).at(-1)?.text ?? '';
  const compose = parseYaml(read('compose.yaml')).services.tandem;

  it('has the same ports in the image and in compose.yaml', () => {
    const published = (compose.ports as string[]).map((one) =>
      one.replaceAll(/\$\{\w+:-(\d+)\}/g, '$1').replace(/^[\d-]+:/, ''),
    );
    expect(published).toEqual(of('EXPOSE').split(' '));
  });

  it('runs without root, with a read-only root file system, in both and in Kubernetes', () => {
    expect(of('USER')).toBe('node');
    expect(compose).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    const [, , set] = parseAllDocuments(read('deploy', 'kubernetes', 'tandem.yaml')).map((one) => one.toJS());
    const { spec } = set.spec.template;
    expect(spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('gives calls in Kubernetes the time to end that the server gives them', () => {
    const [config, , set] = parseAllDocuments(read('deploy', 'kubernetes', 'tandem.yaml')).map((one) => one.toJS());
    const { drainTimeout } = parseYaml(config.data['tandem.yaml']);
    const { terminationGracePeriodSeconds, containers } = set.spec.template.spec;
    const pause = Number(containers[0].lifecycle.preStop.exec.command[1]);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(drainTimeout / 1000 + pause);
  });

  it('is YAML without errors, each name of a port once', () => {
    for (const name of readdirSync(join(root, 'deploy', 'kubernetes')))
      for (const document of parseAllDocuments(read('deploy', 'kubernetes', name)))
        expect({ name, errors: document.errors, warnings: document.warnings }).toEqual({
          name,
          errors: [],
          warnings: [],
        });
    const { ports } = parseYaml(read('deploy', 'kubernetes', 'load-balancer.yaml')).spec;
    expect(new Set(ports.map(({ name }: { name: string }) => name)).size).toBe(23);
  });
});
