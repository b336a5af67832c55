import { setTimeout as delay } from 'node:timers/promises';
import { signal } from './processes.mjs';
import { patchText } from './runs.mjs';

/**
 * Faults that can befall a run, by name.
 *
 * - `needs`: what the run must be started with, for faults that cannot come from outside
 * - `inject`: do it, now; false if there is nothing any more that it could befall
 * - `ends`: `outcome` or `outcome:kind`, as which a run may end that it befell; a run that was over by then is `ok`
 * @typedef {{ needs?: (random, atMs: number) => object, inject?: (command, random) => Promise<boolean>, ends: string[] }} Fault
 */

const STOP_MS = 2_000;

/** Any node process, as soon as there is one; undefined if the command has ended. */
async function anyNode(command, random) {
  while (!command.hasEnded) {
    const pids = command.nodes().filter((pid) => pid !== undefined);
    if (pids.length > 0) return random.pick(pids);
    await delay(10);
  }
  return undefined;
}

async function anyBroker(command) {
  while (!command.hasEnded) {
    const server = command.processes().find(({ name }) => name === 'nats-server');
    if (server !== undefined) return server.pid;
    await delay(10);
  }
  return undefined;
}

const toProcess = (find, ...signals) => {
  return async (command, random) => {
    const pid = await find(command, random);
    if (pid === undefined) return false;
    for (const [index, name] of signals.entries()) {
      if (index > 0) await delay(STOP_MS);
      signal(pid, name);
    }
    return true;
  };
};

const ofItself = async (command) => command.pid;

/** A patch that does this on the thread that creates or tunes a cache, from a moment on. */
const fromMomentOn = (body) => (_random, atMs) => ({
  patch: patchText('slab', 'afterPublish', `if (Date.now() > ${Math.round(Date.now() + atMs)}) ${body}`),
});

/** @type {Record<string, Fault>} */
export const faults = {
  'node killed': { inject: toProcess(anyNode, 'SIGKILL'), ends: ['failed:node-died'] },
  'node terminated': { inject: toProcess(anyNode, 'SIGTERM'), ends: ['failed:node-died'] },
  'node stopped for 2 s': { inject: toProcess(anyNode, 'SIGSTOP', 'SIGCONT'), ends: ['ok'] },
  'node stopped': {
    needs: () => ({ args: ['--deadline', '2'], env: { KMEMLAB_START_DEADLINE: '20' } }),
    inject: toProcess(anyNode, 'SIGSTOP'),
    ends: ['failed:transport-lost', 'failed:node-silent'],
  },
  'broker killed': { inject: toProcess(anyBroker, 'SIGKILL'), ends: ['failed:broker-lost'] },
  'broker stopped for 2 s': { inject: toProcess(anyBroker, 'SIGSTOP', 'SIGCONT'), ends: ['ok'] },
  'thread ended': { needs: fromMomentOn('process.exit(7);'), ends: ['failed:worker-died'] },
  'patch throws': { needs: fromMomentOn("throw new Error('unlucky');"), ends: ['failed:patch-threw'] },
  'Ctrl-C': {
    inject: async (command) => {
      command.interrupt();
      return true;
    },
    ends: ['incomplete:interrupted'],
  },
  'Ctrl-C twice': {
    inject: async (command) => {
      command.interrupt();
      await delay(50);
      command.interrupt();
      return true;
    },
    ends: ['incomplete:interrupted', 'exit 130'],
  },
  'command stopped for 2 s': { inject: toProcess(ofItself, 'SIGSTOP', 'SIGCONT'), ends: ['ok'] },
  'command killed': { inject: toProcess(ofItself, 'SIGKILL'), ends: ['SIGKILL'] },
};
