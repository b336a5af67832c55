import type { TextOptions } from '@kmemlab/results';
import type { CliContext } from './types.js';

const WIDTH_WHEN_PIPED = 100;
const LEAST_WIDTH = 60;
const MOST_WIDTH = 140;

function speaksUtf8(env: CliContext['env']): boolean {
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '') ?? '';
  return /utf-?8/i.test(locale);
}

/** How text for people may look on this context's stdout: NO_COLOR, TERM, COLUMNS and the locale decide. */
export function textOptions(context: CliContext): TextOptions {
  const { env, stdout } = context;
  const columns = stdout.columns || Number(env.COLUMNS);
  const width = columns > 0 ? Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, columns)) : WIDTH_WHEN_PIPED;
  const mayColor = (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
  return { width, color: stdout.isTerminal && mayColor, unicode: speaksUtf8(env) };
}
