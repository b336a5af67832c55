// A machine of one or two node processes for the bench.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { twoCores } from '../../../packages/coordinator/dist/floors/floors.js';

const program = fileURLToPath(new URL('./node.mjs', import.meta.url));
const STDIO = ['ignore', 'inherit', 'inherit', 'ipc'];

class Node {
  constructor(options, core) {
    const args = [process.execPath, program, JSON.stringify(options)];
    const [file, ...rest] = core === undefined ? args : ['taskset', '-c', core, ...args];
    this.child = spawn(file, rest, { stdio: STDIO });
    this.gone = once(this.child, 'exit').then(([code]) => code);
    this.calls = new Map();
    this.child.on('message', ({ id, value }) => this.calls.get(id)?.(value));
    this.up = once(this.child, 'message');
  }

  ask(name, payload) {
    const id = randomUUID();
    const answer = new Promise((resolve) => this.calls.set(id, resolve));
    this.child.send({ id, name, payload });
    const died = this.gone.then((code) => Promise.reject(new Error(`a node of the bench ended with ${code}`)));
    return Promise.race([answer, died]);
  }
}

/** Until nothing moves on any node: two equal looks in a row. */
async function atRest(nodes) {
  for (let last = ''; ; ) {
    const looks = await Promise.all(nodes.map((node) => node.ask('quiet')));
    const look = JSON.stringify(looks);
    if (look === last && looks.every(({ idle }) => idle)) return;
    last = look;
  }
}

/** Boot a machine whose CPU 0 makes round trips of one kind (see cpu.mjs). */
export async function openMachine({ nodes, cpusPerNode, trip }, { broker, pin }) {
  const { url, token } = broker;
  const common = { nodes, cpusPerNode, trip, broker: { url, ...(token && { token }) }, run: randomUUID() };
  const cores = pin ? twoCores() : [];
  const all = Array.from({ length: nodes }, (_, node) => new Node({ ...common, node }, cores[node]));
  const everywhere = (name) => Promise.all(all.map((node) => node.ask(name)));
  await Promise.all(all.map(({ up }) => up));
  await everywhere('start');
  await everywhere('begin');
  await all[0].ask('boot');
  await atRest(all);
  return {
    measure: (effort) => all[0].ask('measure', effort),
    close: async () => {
      for (const node of all) node.ask('stop').catch(() => {});
      const deadline = setTimeout(() => {
        for (const { child } of all) child.kill('SIGKILL');
      }, 5000);
      await Promise.all(all.map(({ gone }) => gone));
      clearTimeout(deadline);
    },
  };
}
