import type { CatalogueEntry } from '@kmemlab/experiments';
import type { FoundSchedule, KernelAbout, ReportAbout, RunResult } from '@kmemlab/results';
import type { Engine } from './types.js';

const kernelAbout = ({ name, summary, why, source }: CatalogueEntry): KernelAbout => ({
  name,
  summary,
  ...(why !== undefined && { why }),
  ...(source !== undefined && { source }),
});

/** What the experiment and the kernels of these runs and schedules are, in the words of the catalogue. */
export function aboutOf(
  engine: Pick<Engine, 'catalogue'>,
  results: readonly RunResult[],
  schedules: readonly FoundSchedule[],
): ReportAbout {
  const [first] = [...results, ...schedules];
  const experiment = engine.catalogue('experiments').find(({ name }) => name === first?.experiment);
  const known = [...engine.catalogue('kernels'), ...engine.catalogue('patches')];
  const names = [...results, ...schedules].flatMap(({ kernel }) => kernel.split('+')).map(nameOnly);
  const kernels = [...new Set(names)].map((name) => {
    const entry = known.find((candidate) => candidate.name === name);
    return entry === undefined ? { name, summary: 'a patch from a file of its own' } : kernelAbout(entry);
  });
  return { ...(experiment !== undefined && { experiment: experiment.summary }), kernels };
}

/** A patch as named on the command line, without its options. */
const nameOnly = (text: string): string => text.split(':')[0] as string;
