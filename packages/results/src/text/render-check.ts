import type { CheckResult } from '../check.js';
import { counted, formatCount, formatNs, plural } from './format.js';
import { isolatedText } from './header.js';
import { idlePatchLines } from './idle-patches.js';
import { heading, paragraph, type TextOptions } from './paper.js';
import { joinSections } from './render-run.js';
import { verdictLines } from './verdicts.js';

/** Stalls that are told one by one. */
const MOST_STALLS = 8;

const paramsText = (params: CheckResult['params']): string =>
  Object.entries(params)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join('  ');

function searchedLines(result: CheckResult, options: TextOptions): string[] {
  const { machine, schedules, asked, states, orders, longest, elapsed, strategy, depth, seed, kernel } = result;
  const seconds = elapsed.hostNs / 1e9;
  const rate = seconds > 0 ? `, ${formatCount(Math.round(schedules / seconds))}/s` : '';
  const cpus = `${machine.nodes} ${options.unicode ? '×' : 'x'} ${machine.cpusPerNode} CPUs${isolatedText(machine)}`;
  const of = schedules === asked ? '' : ` of ${formatCount(asked)}`;
  return [
    heading(options, `check ${result.experiment} on ${kernel}: ${conclusion(result)}`),
    ...paragraph(options, '  machine  ', `${cpus}, config ${result.config.join(',')}, ${paramsText(result.params)}`),
    `  search   ${strategy}${depth === undefined ? '' : `, depth ${depth}`}, seed ${seed}`,
    ...paragraph(
      options,
      '  tried    ',
      `${formatCount(schedules)}${of} ${plural(asked, 'schedule')} of up to ${formatCount(longest)} events: about ${formatCount(orders)} different orders, ${formatCount(states)} states`,
    ),
    `  took     ${formatNs(elapsed.hostNs, options.unicode)}${rate}`,
    ...idlePatchLines(result.idlePatches, options),
  ];
}

function conclusion({ verdict, outcome, schedules, complete }: CheckResult): string {
  if (outcome === 'failed') return 'failed';
  if (verdict !== undefined) return `${verdict.class} (${verdict.id})`;
  if (outcome === 'incomplete') return 'interrupted, nothing found so far';
  return complete ? 'no schedule within the bounds breaks it' : `${formatCount(schedules)} schedules, none breaks it`;
}

function counterexampleLines(
  { counterexample, replay }: CheckResult,
  patchFiles: readonly string[],
  options: TextOptions,
): string[] {
  if (counterexample === undefined) return [];
  const { index, harmless, machine, stalls, steps, params } = counterexample;
  const cpus = machine.nodes * machine.cpusPerNode;
  const patches = patchFiles.map((path) => `--patch ${path}`);
  const shown = stalls
    .slice(0, MOST_STALLS)
    .map(({ step, ns }) => `    at event ${step}, ${formatNs(ns, options.unicode)}`);
  const more = stalls.length > MOST_STALLS ? [`    and ${stalls.length - MOST_STALLS} more`] : [];
  return [
    ...paragraph(
      options,
      '',
      `Found in schedule ${formatCount(index)}. The smallest one that shows it: ${cpus} ${plural(cpus, 'CPU')} on ${machine.nodes} ${plural(machine.nodes, 'node')}${isolatedText(machine)}, ${paramsText(params)}, ${formatCount(steps)} events`,
    ),
    stalls.length === 0
      ? '  in the order of the cost model, nobody late.'
      : `  in the order of the cost model, except that somebody was late ${counted(stalls.length, 'time')}:`,
    ...shown,
    ...more,
    ...(harmless ? ['  The rule is broken, but in no schedule tried did that do harm.'] : []),
    ...(replay === undefined ? [] : [`  See it:  ${['kmemlab replay', replay, ...patches].join(' ')}`]),
  ];
}

/**
 * What a search of schedules found, as text for people.
 * @param patchFiles paths of patches of one's own in the kernel
 */
export function renderCheck(result: CheckResult, options: TextOptions, patchFiles: readonly string[] = []): string {
  const { verdict } = result;
  return joinSections([
    searchedLines(result, options),
    verdict === undefined ? [] : verdictLines(verdict, 'model', options),
    counterexampleLines(result, patchFiles, options),
  ]);
}
