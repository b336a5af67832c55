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

describe('fitHelp', () => {
  it('fills the lines of prose, and keeps headings, tables and commands', () => {
    expect(fitHelp(HELP, 200)).toBe(HELP.replace('came\nof', 'came of'));
  });

  it('keeps the lines of a table that is not indented', () => {
    const table = '--strategy pct     moments drawn from the whole schedule\n--strategy random  any moment';
    expect(fitHelp(table, 100)).toBe(table);
  });

  it('breaks prose and the last column of a table, but no command', () => {
    expect(fitHelp(HELP, 40)).toBe(`USAGE
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
});
