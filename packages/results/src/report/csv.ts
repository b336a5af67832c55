import { quantitiesOf } from '../quantities.js';
import type { RunResult } from '../schema.js';

const field = (value: string | number): string =>
  /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);

/** One line per run and quantity, for a spreadsheet: kernel, machine, seed, outcome, quantity, unit, clock, value. */
export function renderCsv(results: readonly RunResult[]): string {
  const head = [
    'experiment',
    'kernel',
    'config',
    'engine',
    'nodes',
    'cpus_per_node',
    'seed',
    'outcome',
    'quantity',
    'unit',
    'clock',
    'value',
  ];
  const lines = results.flatMap((result) =>
    quantitiesOf(results).flatMap(({ key, unit, clock = '', of }) => {
      const value = of(result);
      const { experiment, kernel, config, engine, machine, seed, outcome } = result;
      return value === undefined
        ? []
        : [
            [
              experiment,
              kernel,
              config.join(' '),
              engine,
              machine.nodes,
              machine.cpusPerNode,
              seed,
              outcome,
              key,
              unit,
              clock,
              value,
            ],
          ];
    }),
  );
  return `${[head, ...lines].map((line) => line.map(field).join(',')).join('\n')}\n`;
}
