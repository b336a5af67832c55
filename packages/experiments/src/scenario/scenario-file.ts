import { costModel } from '@kmemlab/machine';
import { nearest } from '@kmemlab/results';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { InputError } from '../api.js';

const scalar = z.union([z.string(), z.number()]);

/** What a scenario file may say; everything but `experiment` is optional. */
const scenarioSchema = z.strictObject({
  experiment: z.string(),
  kernel: z.string().optional(),
  config: z.union([z.string(), z.array(z.string())]).optional(),
  engine: z.enum(['sim', 'live']).optional(),
  nodes: z.int().min(1).optional(),
  cpusPerNode: z.int().min(1).optional(),
  /** A list of CPUs such as 2-3,7; a single number is one, too. */
  isolcpus: z.union([z.string(), z.int().min(0)]).optional(),
  strategy: z.enum(['time', 'random']).optional(),
  timeScale: z.number().optional(),
  seed: z.int().min(0).max(0xffffffff).optional(),
  params: z.record(z.string(), scalar).optional(),
  /** Constants of the cost model in ns, by name. */
  costs: z.record(z.string(), z.number()).optional(),
});

export type ScenarioFile = z.infer<typeof scenarioSchema>;

const KEYS = Object.keys(scenarioSchema.shape);

const WHOLE = 'give a whole number';

/** What can stand at each key. */
const MENDS: Readonly<Record<keyof ScenarioFile, string>> = {
  experiment: 'give a name such as avoid-ipis',
  kernel: 'give a kernel such as v4.10+avoid-kick-on-create',
  config: 'give tokens such as slab,nonpreempt,hz=250',
  engine: 'give sim or live',
  nodes: `${WHOLE}, at least 1`,
  cpusPerNode: `${WHOLE}, at least 1`,
  isolcpus: 'give a list of CPUs such as 2-3,7',
  strategy: 'give time or random',
  timeScale: 'give a number such as 0.5',
  seed: `${WHOLE} from 0 to 4294967295`,
  params: 'give parameters below it, each a number or a text',
  costs: 'give constants of the cost model below it, in ns',
};

const LARGEST_COST = 1e12;

/**
 * Parse and check a scenario file.
 * @throws InputError naming the line of a syntax error, or the path of a wrong key or value and the nearest valid key
 */
export function parseScenarioFile(path: string, text: string): ScenarioFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const error = document.errors[0] ?? document.warnings[0];
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new InputError(`${path}:${line}:${col}: not valid YAML (${error.message.split(/[\n;]/)[0]}); mend this line`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 10 });
  } catch {
    throw new InputError(`${path}: too many aliases; write the values out`);
  }
  const strange = strangeIn(value);
  if (strange !== undefined) throw new InputError(`${path}: ${strange}`);
  const parsed = scenarioSchema.safeParse(value);
  if (!parsed.success) throw new InputError(`${path}: ${describeIssue(parsed.error.issues[0], value)}`);
  checkCosts(path, parsed.data.costs ?? {});
  return parsed.data;
}

/** What no scenario can say and a schema does not see: a value within itself, the key of a prototype. */
function strangeIn(value: unknown, above: readonly unknown[] = []): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value)) return 'an alias is within its own anchor; write the values out';
  if (Object.hasOwn(value, '__proto__')) return 'unknown key __proto__; remove it';
  for (const inner of Object.values(value)) {
    const strange = strangeIn(inner, [...above, value]);
    if (strange !== undefined) return strange;
  }
  return undefined;
}

function describeIssue(issue: z.core.$ZodIssue | undefined, file: unknown): string {
  if (issue === undefined) return 'not a scenario';
  const where = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    const near = nearest(key, KEYS);
    const place = where === '' ? key : `${where}.${key}`;
    return `unknown key ${place}; ${near === undefined ? `valid keys are ${KEYS.join(', ')}` : `did you mean ${near}?`}`;
  }
  if (where === '') return `not a scenario (${issue.message}); it needs at least "experiment: avoid-ipis"`;
  const given = issue.path.reduce((value, key) => (value as Readonly<Record<PropertyKey, unknown>>)[key], file);
  const mend = MENDS[issue.path[0] as keyof ScenarioFile];
  return given === undefined ? `no ${where}; ${mend}` : `${where}: ${JSON.stringify(given)} is not possible; ${mend}`;
}

export function checkCosts(path: string, costs: Readonly<Record<string, number>>): void {
  for (const [name, ns] of Object.entries(costs)) {
    if (!Object.hasOwn(costModel, name)) {
      const near = nearest(name, Object.keys(costModel));
      const hint =
        near === undefined ? `valid names are ${Object.keys(costModel).join(', ')}` : `did you mean ${near}?`;
      throw new InputError(`${path}: unknown key costs.${name}; ${hint}`);
    }
    if (!Number.isInteger(ns) || ns < 0 || ns > LARGEST_COST) {
      throw new InputError(`${path}: costs.${name}: ${ns} is not possible; give whole ns from 0 to ${LARGEST_COST}`);
    }
  }
}
