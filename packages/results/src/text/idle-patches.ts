import type { IdlePatch } from '../schema.js';
import { paint, paragraph, type TextOptions } from './paper.js';

const WHY = {
  'changes-nothing': 'it changes nothing in this kernel',
  'never-called': 'nothing of it was ever called in this scenario',
} as const satisfies Record<IdlePatch['reason'], string>;

/** Says of patches of the user's that what was found says nothing about them. */
export const idlePatchLines = (idle: readonly IdlePatch[] | undefined, options: TextOptions): string[] =>
  (idle ?? []).flatMap(({ name, reason }) =>
    paragraph(options, `  ${paint(options, 'yellow', 'idle')}     `, `patch ${name}: ${WHY[reason]}`),
  );
