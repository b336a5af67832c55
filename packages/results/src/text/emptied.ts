import { callCount, type RunResult } from '../schema.js';
import { counted, formatNs } from './format.js';
import { heading, paragraph, type TextOptions } from './paper.js';

/** `empty-cache`: what became of the caches once nobody used an object of theirs. */
export function emptiedLines(result: RunResult, options: TextOptions): string[] {
  const { emptied, phases } = result;
  if (emptied === undefined) return [];
  const { before, after, goneAfterNs, pageSeconds } = emptied;
  const end =
    goneAfterNs === undefined
      ? `${counted(after.caches, 'cache')} with ${counted(after.pages, 'page')} left at the end`
      : `all gone after ${formatNs(goneAfterNs)}`;
  const { observe } = phases;
  const cost =
    observe === undefined
      ? ''
      : `; since then ${counted(callCount(observe, 'kmem_cache_shrink'), 'shrink')} and ${counted(observe.ipi.sent, 'IPI')}`;
  const text = `Before the last free: ${counted(before.caches, 'cache')} with ${counted(before.pages, 'page')}; ${end}${cost}. Held without an object: ${pageSeconds.toFixed(2)} page-seconds.`;
  return [heading(options, 'Caches of removed memcgs'), ...paragraph(options, '  ', text)];
}
