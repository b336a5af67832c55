import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Broker,
  chooseBroker,
  credentialsOf,
  NodeDaemon,
  ORDER_SCHEMA,
  SUBMIT_SUBJECT,
} from '@kmemlab/coordinator';
import { type Bus, connectBus } from '@kmemlab/machine-live';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MOST_WAITING } from './service.js';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const nodeProgram = fileURLToPath(new URL('../../node/dist/main.js', import.meta.url));
/** A run that ends only when it is told to. */
const ENDLESS = '65000';

interface Answer {
  readonly kind: string;
  readonly document: Record<string, unknown>;
}

/** The program as somebody runs it. */
class Service {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.child = spawn(process.execPath, [program], { env: { ...process.env, ...env }, stdio: 'pipe' });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.ended = once(this.child, 'close').then(([code]) => code);
  }

  /** Resolves when it has said this. */
  async says(pattern: RegExp): Promise<void> {
    const over = this.ended.then((code) => Promise.reject(new Error(`ended (${code}): ${this.stdout}${this.stderr}`)));
    over.catch(() => {});
    while (!pattern.test(this.stdout))
      await Promise.race([once(this.child.stdout as NodeJS.ReadableStream, 'data'), over]);
  }
}

let broker: Broker;
let bus: Bus;
let runs: string;
let services: Service[];
/** By order, in the order of arrival. */
let answers: Map<string, Answer[]>;
let arrived: () => void;

async function start(env: Readonly<Record<string, string | undefined>> = {}): Promise<Service> {
  const own = { KMEMLAB_NATS_URL: broker.url, KMEMLAB_NATS_TOKEN: broker.token, KMEMLAB_RUNS: runs };
  const service = new Service({ KMEMLAB_BROKER: undefined, ...own, ...env });
  services.push(service);
  await service.says(/^takes run orders at /);
  return service;
}

const send = (document: unknown) => bus.publish(SUBMIT_SUBJECT, new TextEncoder().encode(JSON.stringify(document)));

function submit(id: string, loops: string, more: Readonly<Record<string, unknown>> = {}): void {
  const request = { experiment: 'avoid-ipis', kernel: 'v4.10', nodes: 1, cpusPerNode: 1, params: { loops }, ...more };
  send({ schema: ORDER_SCHEMA, id, request });
}

/** The first answer to an order of which this is true. */
async function answer(id: string, wanted: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const found = answers.get(id)?.find(wanted);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  }
}

const last = (id: string) => answer(id, ({ kind }) => kind !== 'progress');
const underWay = (id: string) => answer(id, ({ document }) => document.state === 'running');

function keptIn(directory: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(runs, directory, 'result.json'), 'utf8'));
}

beforeEach(async () => {
  services = [];
  answers = new Map();
  arrived = () => {};
  runs = mkdtempSync(join(tmpdir(), 'kmemlab-orders-'));
  broker = await chooseBroker({ env: { ...process.env, KMEMLAB_BROKER: 'embedded' } });
  bus = await connectBus({ url: broker.url, ...credentialsOf(broker), name: 'a sender' });
  bus.subscribe('kmemlab.runs.*.*', (data, subject) => {
    const [, , id = '', kind = ''] = subject.split('.');
    const document = JSON.parse(new TextDecoder().decode(data));
    answers.set(id, [...(answers.get(id) ?? []), { kind, document }]);
    arrived();
  });
  await bus.flush();
});

afterEach(async () => {
  for (const { child } of services) child.kill('SIGKILL');
  await Promise.all(services.map(({ ended }) => ended));
  await bus.close();
  await broker.close();
  rmSync(runs, { recursive: true, force: true });
});

describe('the coordinator program', () => {
  test('runs an order on a registered node, keeps and publishes its result', async () => {
    const env = process.env;
    const access = { url: broker.url, ...credentialsOf(broker) };
    let claims = 0;
    bus.subscribe('kmemlab.registry.*.claim', () => claims++);
    const daemon = new NodeDaemon({ ...access, bus, name: 'a-node', program: nodeProgram, env });
    try {
      const service = await start();
      submit('first', '1');
      await answer('first', ({ document }) => document.state === 'queued');
      const { kind, document } = await last('first');
      expect(kind).toBe('result');
      expect(claims).toBe(1);
      const machine = { nodes: 1, cpusPerNode: 1 };
      expect(document).toMatchObject({ schema: 'kmemlab.result/1', outcome: 'ok', machine, params: { loops: 1 } });
      const [directory = '', ...others] = readdirSync(runs);
      expect(others).toEqual([]);
      expect(directory).toMatch(/^[\dTZ.-]+-avoid-ipis-first$/);
      expect(keptIn(directory)).toEqual(document);
      expect(existsSync(join(runs, directory, 'scenario.yaml'))).toBe(true);
      service.child.kill('SIGTERM');
      expect(await service.ended).toBe(0);
      expect(service.stderr).toBe('');
    } finally {
      await daemon.close();
    }
  });

  test('refuses what it cannot run, with a sentence, and goes on', async () => {
    const service = await start();
    send('nonsense');
    send({ schema: ORDER_SCHEMA, id: 'no-request' });
    submit('unknown', '1', { experiment: 'avoid-ipi' });
    submit('simulated', '1', { engine: 'sim' });
    submit('huge', '1', { cpusPerNode: 1_000_000 });
    submit('patch', '1', { patchFiles: [{ path: 'mine.mjs', text: 'not a module' }] });
    const reason = async (id: string) => {
      const { kind, document } = await last(id);
      return `${kind}: ${document.reason}`;
    };
    expect(await reason('no-request')).toMatch(/^refused: the order is not valid: request: /);
    expect(await reason('unknown')).toMatch(/^refused: unknown experiment "avoid-ipi"; did you mean avoid-ipis\?/);
    expect(await reason('simulated')).toMatch(/^refused: only the live machine runs here/);
    expect(await reason('huge')).toMatch(/^refused: .*CPUs/);
    expect(await reason('patch')).toMatch(/^refused: --patch mine\.mjs: it does not load/);
    expect(service.stdout).toMatch(/^an order was left out: the order is not valid: the document: /m);
    submit('good', '1');
    expect(await last('good')).toMatchObject({ kind: 'result', document: { outcome: 'ok' } });
    expect(readdirSync(runs)).toHaveLength(1);
  });

  test('says why there is no run directory', async () => {
    const file = join(runs, 'file');
    writeFileSync(file, '');
    await start({ KMEMLAB_RUNS: file });
    submit('nowhere', '1');
    const { kind, document } = await last('nowhere');
    expect(kind).toBe('refused');
    expect(document.reason).toMatch(/^there is no run directory for it: write-failed: .*KMEMLAB_RUNS$/);
  });

  test('lets 16 orders wait; a signal refuses them and ends the run in hand with what it has', async () => {
    const service = await start();
    submit('running', ENDLESS);
    await underWay('running');
    submit('running', '1');
    const waiting = Array.from({ length: MOST_WAITING }, (_, index) => `waiting-${index}`);
    for (const id of waiting) submit(id, '1');
    submit('too-many', '1');
    expect(await last('too-many')).toMatchObject({
      kind: 'refused',
      document: { reason: expect.stringMatching(/^16 orders are waiting/) },
    });
    await answer('waiting-15', ({ document }) => document.before === MOST_WAITING);
    service.child.kill('SIGTERM');
    for (const id of waiting) {
      expect((await last(id)).document.reason).toMatch(/^the service is stopping/);
    }
    const { kind, document } = await last('running');
    expect(kind).toBe('result');
    expect(document).toMatchObject({ outcome: 'incomplete', failure: { kind: 'interrupted' } });
    expect(await service.ended).toBe(0);
    expect(keptIn(readdirSync(runs)[0] ?? '')).toEqual(document);
    expect(answers.get('running')?.filter(({ kind }) => kind !== 'progress')).toHaveLength(1);
  });

  test('gives an answer to an order that it is checking when the signal comes', async () => {
    const service = await start();
    submit('running', ENDLESS);
    await underWay('running');
    const text = "console.log('a patch loads'); await new Promise((go) => process.once('SIGUSR2', go));";
    submit('checked', '1', { patchFiles: [{ path: 'slow.mjs', text }] });
    await service.says(/^a patch loads$/m);
    service.child.kill('SIGTERM');
    expect((await last('running')).document).toMatchObject({ failure: { kind: 'interrupted' } });
    expect(answers.get('checked')).toBeUndefined();
    service.child.kill('SIGUSR2');
    expect(await last('checked')).toMatchObject({ kind: 'refused' });
    expect(await service.ended).toBe(0);
  });

  test('shares the orders of a server with others of its kind: each is run by one of them', async () => {
    const both = [await start(), await start()];
    const ids = Array.from({ length: 8 }, (_, index) => `order-${index}`);
    for (const id of ids) submit(id, '1');
    for (const id of ids) expect(await last(id)).toMatchObject({ kind: 'result', document: { outcome: 'ok' } });
    for (const { child } of both) child.kill('SIGTERM');
    for (const { ended } of both) expect(await ended).toBe(0);
    await bus.flush();
    expect(
      readdirSync(runs)
        .map((name) => name.replace(/^.*-(order-\d+)$/, '$1'))
        .sort(),
    ).toEqual(ids);
    for (const id of ids) expect(answers.get(id)?.filter(({ kind }) => kind !== 'progress')).toHaveLength(1);
    const taken = both.map(({ stdout }) => stdout.match(/^order order-\d+: runs /gm)?.length ?? 0);
    expect(taken.every((orders) => orders > 0)).toBe(true);
  });

  test('ends at once at the second signal', async () => {
    const service = await start();
    submit('running', ENDLESS);
    await underWay('running');
    service.child.kill('SIGINT');
    service.child.kill('SIGTERM');
    expect(await service.ended).toBe(130);
  });

  test('ends when the server is lost, and keeps what the run in hand has', async () => {
    const service = await start();
    submit('running', ENDLESS);
    await underWay('running');
    await broker.close();
    expect(await service.ended).toBe(3);
    expect(service.stderr).toMatch(/^kmemlab-coordinator: broker-lost: nats:[^\n]+\n$/);
    expect(keptIn(readdirSync(runs)[0] ?? '')).toMatchObject({ outcome: 'failed', failure: { kind: 'broker-lost' } });
  });

  test.each([
    ["new Error('late')", 'late'],
    ['undefined', 'undefined'],
  ])('ends with a reason when a patch throws %s later, and answers all orders', async (thrown, what) => {
    const service = await start();
    submit('running', ENDLESS);
    await underWay('running');
    const text = `setTimeout(() => { throw ${thrown}; }); export default { name: 'p', summary: 's', apply() {} };`;
    submit('careless', '1', { kernel: 'v4.10+p', patchFiles: [{ path: 'p.mjs', text }] });
    expect(await service.ended).toBe(3);
    expect(service.stderr).toBe(`kmemlab-coordinator: internal: ${what}, thrown where nobody waits for it\n`);
    expect(keptIn(readdirSync(runs)[0] ?? '')).toMatchObject({ outcome: 'failed', failure: { kind: 'internal' } });
    expect((await last('careless')).kind).toBe('refused');
    expect((await last('running')).kind).toBe('result');
  });

  test.each([
    ['no server is named', { KMEMLAB_NATS_URL: undefined }, /KMEMLAB_NATS_URL is not set/],
    ['nobody listens', { KMEMLAB_NATS_URL: 'nats://127.0.0.1:1' }, /nothing listens there/],
    ['the token is wrong', { KMEMLAB_NATS_TOKEN: 'wrong' }, /does not accept the token/],
  ])('says in one line that %s', async (_, env, expected) => {
    const own = { KMEMLAB_NATS_URL: broker.url, KMEMLAB_NATS_TOKEN: broker.token, KMEMLAB_BROKER: undefined };
    const service = new Service({ ...own, ...env });
    services.push(service);
    expect(await service.ended).toBe(2);
    expect(service.stderr).toMatch(/^kmemlab-coordinator: [^\n]+\n$/);
    expect(service.stderr).toMatch(expected);
  });
});
