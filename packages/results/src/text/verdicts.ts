import type { Clock, RunResult, Verdict } from '../schema.js';
import { formatCount, formatNs } from './format.js';
import { valueText } from './header.js';
import { paint, paragraph, type TextOptions } from './paper.js';
import { type Row, table } from './table.js';

/** The clock of an engine's times. */
export function clockOf(result: RunResult): Clock {
  return result.engine === 'sim' ? 'model' : 'host';
}

/** One verdict with its conflicting steps. */
export function verdictLines(verdict: Verdict, clock: Clock, options: TextOptions): string[] {
  const title = paint(options, 'red', `VERDICT ${verdict.class} (${verdict.id})`);
  const rows: Row[] = verdict.steps.map((step, index) => ({
    cells: [
      String(index + 1),
      `CPU${step.cpu}`,
      step.task,
      step.access ? `${step.function} (${step.access})` : step.function,
      formatNs(step.time, options.unicode),
      `${formatCount(step.time)} ns`,
    ],
  }));
  const steps = table(
    options,
    [
      { title: 'step', align: 'right' },
      { title: 'CPU', align: 'left' },
      { title: 'task', align: 'left' },
      { title: 'function', align: 'left' },
      { title: `at, ${clock} time`, align: 'right', expendable: 1 },
      { title: 'exactly', align: 'right' },
    ],
    rows,
  );
  const detail = verdict.detail ? paragraph(options, '  ', verdict.detail) : [];
  const owner = verdict.owner ? paragraph(options, '  last legal owner: ', verdict.owner) : [];
  return [`${title} on ${valueText(verdict.object)}`, ...detail, ...owner, ...steps, ...stackLines(verdict, options)];
}

/** Kernel stacks of the steps, innermost function first. */
function stackLines({ steps }: Verdict, options: TextOptions): string[] {
  return steps.flatMap(({ stack = [] }, index) =>
    stack.length === 0 ? [] : paragraph(options, `  stack ${index + 1}  `, stack.join(' < ')),
  );
}

/** All verdicts, each with its conflicting steps; a repeated class and id is shown once with its number. */
export function verdictsLines(result: RunResult, options: TextOptions): string[] {
  const groups = new Map<string, Verdict[]>();
  for (const verdict of result.verdicts) {
    const key = `${verdict.class} ${verdict.id}`;
    groups.set(key, [...(groups.get(key) ?? []), verdict]);
  }
  return [...groups.values()].flatMap((verdicts, index) => {
    const more = verdicts.length > 1 ? [`  and ${formatCount(verdicts.length - 1)} more of this kind`] : [];
    const lines = verdictLines(verdicts[0] as Verdict, clockOf(result), options);
    return [...(index > 0 ? [''] : []), ...lines, ...more];
  });
}
