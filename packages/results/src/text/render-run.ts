import type { RunResult } from '../schema.js';
import { barrierLines } from './barriers.js';
import { kickLatencyLines, otherDurationLines } from './durations.js';
import { emptiedLines } from './emptied.js';
import { findTableLines } from './find-table.js';
import { findingsLines } from './findings.js';
import { headerLines } from './header.js';
import { ipisPerCpuLines } from './ipis-per-cpu.js';
import { isolatedCpusLines } from './isolated-cpus.js';
import { liveMessagesLines, livePlaceLines } from './live.js';
import { mailTableLines } from './mail-table.js';
import type { TextOptions } from './paper.js';
import { phasesLines } from './phases.js';
import { tuneTableLines } from './tune-table.js';
import { verdictsLines } from './verdicts.js';

const SECTIONS = [
  headerLines,
  livePlaceLines,
  verdictsLines,
  (result: RunResult, options: TextOptions) => mailTableLines([{ name: 'this run', result }], options),
  tuneTableLines,
  findTableLines,
  emptiedLines,
  barrierLines,
  ipisPerCpuLines,
  isolatedCpusLines,
  kickLatencyLines,
  otherDurationLines,
  liveMessagesLines,
  phasesLines,
  findingsLines,
];

/** Joins sections with an empty line between them, leaving out empty ones. Ends in a newline. */
export function joinSections(sections: readonly (readonly string[])[]): string {
  const filled = sections.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** One run as text for people. */
export function renderRun(result: RunResult, options: TextOptions): string {
  return joinSections(SECTIONS.map((section) => section(result, options)));
}
