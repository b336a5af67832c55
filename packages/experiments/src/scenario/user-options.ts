import { versions } from '@kmemlab/kernel';
import { z } from 'zod';
import { InputError } from '../api.js';

/** What can stand in a kernel's name between `+`, `:` and `=`. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const HINT = 'use letters, digits, _, . and -';

const integer = z
  .object({ kind: z.literal('integer'), min: z.int(), max: z.int(), default: z.int() })
  .refine(({ min, max, default: usual }) => min <= usual && usual <= max, 'the default is not in its range');

const choice = z
  .object({ kind: z.literal('choice'), values: z.array(z.string().regex(WORD, HINT)).min(1), default: z.string() })
  .refine(({ values, default: usual }) => values.includes(usual), 'the default is none of its values');

const fields = z.object({
  options: z
    .record(
      z.string(),
      z.discriminatedUnion(
        'kind',
        [integer, choice],
        "kind is 'integer' (min, max, default) or 'choice' (values, default)",
      ),
    )
    .refine((options) => Object.keys(options).every((name) => WORD.test(name)), `there is one with a bad name; ${HINT}`)
    .optional(),
  appliesTo: z
    .array(z.enum(versions.map(({ name }) => name)))
    .min(1)
    .optional(),
});

/**
 * Check what a patch file says of its options and of the versions that it applies to.
 * @throws InputError naming the first thing that is not right
 */
export function checkDeclared(where: string, patch: object): void {
  const issue = fields.safeParse(patch).error?.issues[0];
  if (issue !== undefined) throw new InputError(`${where}: ${issue.path.join('.')}: ${issue.message}; mend the file`);
}
