import { describe, expect, it } from 'vitest';
import { fitHelp } from './help-text.js';

const HELP = `USAGE
  kmemlab run <experiment>

Runs an experiment on one kernel and prints what came
of it. More words.

EXAMPLES
  kmemlab run avoid-ipis --kernel v4.10 --nodes 2 --cpus-per-node 4

FLAGS
     [--kernel]  Version and patches, for instance those of a mail
  -h  --help     Print this help
`;

/** All flags are switches. */
const none = (): undefined => undefined;

describe('fitHelp', () => {
  it('fills the lines of prose, and keeps headings, tables and commands', () => {
    expect(fitHelp(HELP, 200, none)).toBe(HELP.replace('came\nof', 'came of'));
  });

  it('keeps the lines of a table that is not indented', () => {
    const table = '--strategy pct     moments drawn from the whole schedule\n--strategy random  any moment';
    expect(fitHelp(table, 100, none)).toBe(table);
  });

  it('breaks prose and the last column of a table, but no command', () => {
    expect(fitHelp(HELP, 40, none)).toBe(`USAGE
  kmemlab run <experiment>

Runs an experiment on one kernel and
prints what came of it. More words.

EXAMPLES
  kmemlab run avoid-ipis --kernel v4.10 --nodes 2 --cpus-per-node 4

FLAGS
     [--kernel]  Version and patches,
                 for instance those of a
                 mail
  -h  --help     Print this help
`);
  });

  it('says what flags take, and not that a switch is off', () => {
    const flags = `FLAGS
     [--cpus-per-node]  CPUs
     [--patch]...       Your own
      --json            Print a document  [default = false]
  -h  --help            Print this help
`;
    const values: Record<string, string> = { 'cpus-per-node': 'C', patch: 'FILE' };
    expect(fitHelp(flags, 100, (flag) => values[flag])).toBe(`FLAGS
     [--cpus-per-node C]  CPUs
     [--patch FILE]...    Your own
      --json              Print a document
  -h  --help              Print this help
`);
  });
});
