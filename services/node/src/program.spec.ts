import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Broker, Coordinator, chooseBroker } from '@kmemlab/coordinator';
import { afterEach, describe, expect, it } from 'vitest';

const nodeProgram = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const stuckProgram = fileURLToPath(new URL('../fixtures/stuck.mjs', import.meta.url));
const children: ChildProcess[] = [];
const brokers: Broker[] = [];

function launch(program: string, env: Readonly<Record<string, string | undefined>> = {}) {
  const child = spawn(process.execPath, [program], { env: { ...process.env, ...env }, stdio: 'pipe' });
  children.push(child);
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
  return { child, ended };
}

async function newBroker(): Promise<Broker> {
  const broker = await chooseBroker({ env: { ...process.env, KMEMLAB_BROKER: 'embedded' } });
  brokers.push(broker);
  return broker;
}

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

describe('the node program', () => {
  it('says what it needs if it is not started by a run', async () => {
    const { code, stderr } = await launch(nodeProgram, { KMEMLAB_RUN: undefined }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kmemlab-node: a node process is started by a run.*\n$/);
  });

  it('says in one line why it cannot reach the server', async () => {
    const broker = await newBroker();
    await broker.close();
    const env = { KMEMLAB_URL: broker.url, KMEMLAB_TOKEN: broker.token, KMEMLAB_RUN: 'r', KMEMLAB_NODE: '0' };
    const { code, stderr } = await launch(nodeProgram, env).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kmemlab-node: .*nothing listens there\n$/);
  });

  it('ends with the process that started it, even if its main thread is in an endless loop', async () => {
    const { child, ended } = launch(stuckProgram);
    await once(child.stdout, 'data');
    child.stdin.end();
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
  });

  it('refuses a plan that is malformed; the run says why', async () => {
    const start = Coordinator.start({
      run: 'program-spec',
      nodes: 2,
      cpusPerNode: 1,
      payload: { nonsense: true },
      broker: await newBroker(),
      nodeProgram,
      env: process.env,
      pin: false,
      startDeadlineMs: 30_000,
      linkDeadlineMs: 5_000,
    });
    await expect(start).rejects.toMatchObject({ name: 'RunFailed', kind: 'internal' });
    await expect(start).rejects.toThrow(/node \d failed at "life.configure": /);
  });
});
