import { type VerdictClass, VerdictError } from '@kmemlab/machine';

/**
 * Defects that end in a touch of freed memory, by their ids: docs/kernels.md. A kernel that keeps its references in order reaches
 * none of them.
 */
export const defects = [
  'V0-b',
  'V0-c',
  'V0-d',
  'V0-f',
  'V0-g',
  'V0-h',
  'V0-i',
  'V2-b',
  'V4-a',
  'V5p-d',
  'V5p-e',
] as const;

export type Defect = (typeof defects)[number];

/** Id of verdicts that the kernel's own assertions lead to. */
export const BUG = 'BUG';

/** Touch an object; if it was freed, the verdict carries the id of the defect, and the class if one is given. */
export function orDefect<T>(id: Defect, touch: () => T, verdictClass?: VerdictClass): T {
  try {
    return touch();
  } catch (error) {
    if (!(error instanceof VerdictError)) throw error;
    throw new VerdictError({ ...error.verdict, id, class: verdictClass ?? error.verdict.class });
  }
}
