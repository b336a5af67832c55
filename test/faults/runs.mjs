import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from './command.mjs';

const args = (experiment, nodes, cpusPerNode) => [
  'run',
  experiment,
  ...['--engine', 'live', '--nodes', String(nodes), '--cpus-per-node', String(cpusPerNode)],
];

/** A run on two nodes of one CPU each that does not end by itself. */
export const endless = (more = [], options = {}) =>
  new Command([...args('avoid-ipis', 2, 1), '--param', 'loops=65000', ...more], options);

/** A small run. */
export const small = (more = [], options = {}) =>
  new Command([...args('avoid-ipis', 2, 1), '--param', 'loops=3', ...more], options);

/** Text of a user's patch: `body` runs before a policy of the kernel, with its arguments `cpu` and `args`. */
export const patchText = (group, policy, body) => `export default {
  name: 'faulty',
  summary: 'a fault',
  apply({ policies }, api) {
    const { ${policy} } = policies.${group};
    policies.${group}.${policy} = function* faulty(cpu, ...args) {
      ${body}
      return yield* api.call(${policy}, cpu, ...args);
    };
  },
};
`;

/** A run with such a patch. `start` makes it of the arguments. */
export function patched(text, start) {
  const directory = mkdtempSync(join(tmpdir(), 'kmemlab-patch-'));
  const path = join(directory, 'faulty.mjs');
  writeFileSync(path, text);
  const command = start(['--patch', path]);
  command.afterwards(() => rmSync(directory, { recursive: true }));
  return command;
}

/** What a task does on CPU 1 of two with every accounted allocation. */
export const onCpu1 = (body) =>
  patched(patchText('memcg', 'getCache', `if (cpu.id === 1) ${body}`), (args) =>
    endless([...args, '--param', 'placement=cpu1']),
  );
