import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from './command.mjs';
import { faults } from './injections.mjs';
import { randomFrom } from './random.mjs';

/** For a run to end, with or without a fault, on a busy computer, ms. */
const END_MS = 180_000;

const SIZES = [
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
];
const EXPERIMENTS = [
  ['avoid-ipis', 'loops=5'],
  ['avoid-ipis', 'loops=12'],
  ['tune-slabinfo', 'writes=4'],
];
const BROKERS = [{}, {}, { KMEMLAB_BROKER: 'embedded' }];
const STATUS = { ok: 0, violation: 1, failed: 3, incomplete: 130 };

/** A run as the seed decides it. Every second one has a fault, while a run of its size usually lasts. */
export function plan(seed, usualMs) {
  const random = randomFrom(seed * 7919 + 1);
  const [experiment, param] = random.pick(EXPERIMENTS);
  const [nodes, cpusPerNode] = random.pick(SIZES);
  const anyBroker = random.pick(BROKERS);
  const fault = seed % 2 === 1 ? random.pick(Object.keys(faults)) : undefined;
  // A fault of the broker needs one that is a process.
  const broker = fault?.startsWith('broker') ? { KMEMLAB_BROKER: 'nats-server' } : anyBroker;
  const atMs = random.next() * usualMs(`${nodes}x${cpusPerNode}`);
  return { seed, experiment, param, nodes, cpusPerNode, broker, fault, atMs, random };
}

function start({ experiment, param, nodes, cpusPerNode, broker, fault, atMs, random }) {
  const { args = [], env = {}, patch } = faults[fault]?.needs?.(random, atMs) ?? {};
  const size = ['--nodes', String(nodes), '--cpus-per-node', String(cpusPerNode)];
  const all = ['run', experiment, '--engine', 'live', ...size, '--param', param, ...args];
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-soak-'));
  if (patch !== undefined) {
    writeFileSync(join(directory, 'faulty.mjs'), patch);
    all.push('--patch', join(directory, 'faulty.mjs'));
  }
  const command = new Command(all, { env: { ...broker, ...env } });
  command.afterwards(() => rmSync(directory, { recursive: true }));
  return command;
}

/** Wait for the moment, and inject; what came of it: whether the run was hit. */
async function befall(command, { fault, atMs, random }) {
  const { inject } = faults[fault];
  if (inject === undefined) return true;
  await Promise.race([delay(atMs), command.ended(END_MS)]);
  return !command.hasEnded && (await inject(command, random));
}

/** How a run ended, in a word: its outcome, with the kind of its failure, or how the command ended if it said none. */
function endOf(command) {
  if (command.stdout === '') return typeof command.status === 'number' ? `exit ${command.status}` : command.status;
  const { outcome, failure } = command.document();
  return failure === undefined ? outcome : `${outcome}:${failure.kind}`;
}

/** What is wrong with how it ended; nothing if all is well. */
function problemsOf(command, end, { fault }, hit) {
  const allowed = fault === undefined || !hit ? ['ok'] : [...faults[fault].ends, 'ok'];
  const problems = allowed.includes(end) ? [] : [`it ended as ${end}, not as ${allowed.join(' or ')}`];
  const outcome = end.split(':')[0];
  if (outcome in STATUS && command.status !== STATUS[outcome])
    problems.push(`${end} with exit status ${command.status}`);
  const written = command.result();
  if (outcome in STATUS && written?.outcome !== outcome)
    problems.push(`result.json says ${written?.outcome}, not ${end}`);
  return problems;
}

/** One run of the soak. */
export async function soakRun(planned) {
  const command = start(planned);
  const begun = performance.now();
  try {
    const befalling = planned.fault === undefined ? Promise.resolve(false) : befall(command, planned);
    const [hit] = await Promise.all([befalling, command.ended(END_MS)]);
    const ms = performance.now() - begun;
    const end = endOf(command);
    const problems = problemsOf(command, end, planned, hit);
    const left = await command.survivors();
    if (left.length > 0) problems.push(`left behind: ${left.join(', ')}`);
    const detail = command.stdout === '' ? '' : detailOf(command.document());
    return { ...planned, ms, hit, end, problems, detail };
  } catch (error) {
    return {
      ...planned,
      ms: performance.now() - begun,
      hit: true,
      end: 'unnamed',
      problems: [error.message],
      detail: '',
    };
  } finally {
    command.dispose();
  }
}

const detailOf = ({ failure, verdicts }) => failure?.detail ?? verdicts.map(({ detail }) => detail).join('; ');
