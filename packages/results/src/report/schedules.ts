import { sequenceDiagram } from '../chart/sequence.js';
import type { RunResult, Verdict } from '../schema.js';
import { formatCount } from '../text/format.js';
import { valueText } from '../text/header.js';
import { clockOf } from '../text/verdicts.js';
import type { FoundSchedule, NamedChart } from './types.js';

/** Rows of a sequence diagram before its first stall or conflict. */
const LEAD = 6;

/** Steps that conflict are mostly close together. */
const exactly = (ns: number): string => `${formatCount(Math.round(ns))} ns`;

/** One of a verdict's steps, in words. */
const stepText = ({ function: name, access }: Verdict['steps'][number]): string =>
  access === undefined ? name : `${name}: ${access}`;

export const scheduleTitle = ({ kernel, experiment, verdict }: FoundSchedule): string =>
  `${experiment} on ${kernel}: ${verdict === null ? 'a schedule without a verdict' : `${verdict.class} (${verdict.id})`}`;

/** What each CPU did on the way to a verdict that a search has found. */
export function scheduleChart(schedule: FoundSchedule, name: string): NamedChart {
  const { rows, cpus } = schedule.interleaving;
  const from = Math.max(0, rows.findIndex(({ kind }) => kind !== 'step') - LEAD);
  const shown = rows.slice(from);
  const used = Array.from({ length: cpus }, (_, cpu) => cpu).filter((cpu) => shown.some((row) => row.cpu === cpu));
  const title = scheduleTitle(schedule);
  const caption =
    'What each CPU did, one column per CPU, in the order of model time from top to bottom. ✗ marks the steps that conflict, ~ a CPU that was late: that is what it takes to see it.';
  return {
    name,
    title,
    caption,
    svg: sequenceDiagram({
      title,
      description: caption,
      actors: used.map((cpu) => `CPU${cpu}`),
      events: shown.map(({ cpu, time, text, kind }) => ({
        actor: used.indexOf(cpu),
        time: exactly(time),
        text,
        kind,
      })),
    }),
  };
}

/** The steps that a verdict of a run names, one column per CPU; undefined if it names none. */
export function verdictChart(result: RunResult, verdict: Verdict, name: string): NamedChart | undefined {
  const { steps } = verdict;
  if (steps.length === 0) return undefined;
  const cpus = [...new Set(steps.map(({ cpu }) => cpu))].sort((a, b) => a - b);
  const title = `${result.kernel}: the steps of ${verdict.class} (${verdict.id})`;
  const caption = `The steps that conflict over ${valueText(verdict.object)}, one column per CPU, in the order in which they happened.`;
  return {
    name,
    title,
    caption: `${caption} Times are ${clockOf(result)} time.`,
    svg: sequenceDiagram({
      title,
      description: caption,
      actors: cpus.map((cpu) => `CPU${cpu}`),
      events: steps.map((step) => ({
        actor: cpus.indexOf(step.cpu),
        time: exactly(step.time),
        text: `${step.task}: ${stepText(step)}`,
        kind: 'conflict',
      })),
    }),
  };
}
