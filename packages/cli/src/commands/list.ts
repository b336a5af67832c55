import type { CatalogueEntry, CatalogueTopic } from '@kmemlab/experiments';
import { heading, paragraph, suggestion, type TextOptions, table, toJson } from '@kmemlab/results';
import { buildCommand } from '@stricli/core';
import { textOptions } from '../terminal.js';
import type { CommandThis } from '../types.js';
import { UsageError } from '../usage-error.js';

const NAMED_BY_USERS: readonly CatalogueTopic[] = ['experiments', 'kernels', 'patches', 'verdicts', 'profiles'];
/** Hundreds of names each, which only patches need. */
const NAMED_BY_PATCHES: readonly CatalogueTopic[] = ['functions', 'handlers'];
const TOPICS = [...NAMED_BY_USERS, ...NAMED_BY_PATCHES];

function topicNamed(text: string): CatalogueTopic {
  const topic = TOPICS.find((name) => name === text);
  if (topic === undefined)
    throw new UsageError(`list: unknown topic ${JSON.stringify(text)}; ${suggestion(text, TOPICS)}`);
  return topic;
}

function detailedLines(entries: readonly CatalogueEntry[], options: TextOptions): string[] {
  return entries.flatMap((entry) => [
    ...paragraph(options, `  ${entry.name}  `, entry.summary),
    ...[entry.why, entry.source, ...entry.details].flatMap((detail) =>
      detail === undefined ? [] : paragraph(options, '      ', detail),
    ),
  ]);
}

function summaryLines(entries: readonly CatalogueEntry[], options: TextOptions): string[] {
  const columns = [
    { title: 'name', align: 'left' },
    { title: 'what it is', align: 'left', wraps: true },
  ] as const;
  return table(
    options,
    columns,
    entries.map(({ name, summary }) => ({ cells: [name, summary] })),
  );
}

const DESCRIPTION = `Lists what can be named on the command line, and what a patch of your own can replace (${NAMED_BY_PATCHES.join(', ')}).
Without a topic, a summary of every topic but these two.

Topics: ${TOPICS.join(', ')}.

EXAMPLES
  kmemlab list
  kmemlab list experiments      parameters with their ranges and defaults
  kmemlab list functions        by kind, for replaceFunction in a patch of your own
  kmemlab list patches --json`;

export const listCommand = buildCommand<{ readonly json: boolean }, [string?], CommandThis>({
  async func(flags, text) {
    const topic = text === undefined ? undefined : topicNamed(text);
    const engine = await this.cli.loadEngine();
    const { stdout } = this.cli;
    if (flags.json) {
      const document =
        topic === undefined
          ? { topics: Object.fromEntries(TOPICS.map((name) => [name, engine.catalogue(name)])) }
          : { topic, entries: engine.catalogue(topic) };
      stdout.write(toJson({ schema: 'kmemlab.list/1', ...document }));
      return;
    }
    const options = textOptions(this.cli);
    const sections = (topic === undefined ? NAMED_BY_USERS : [topic]).map((name) => {
      const entries = engine.catalogue(name);
      const hasDetails =
        topic !== undefined && entries.some(({ source, details }) => source !== undefined || details.length > 0);
      const lines = hasDetails ? detailedLines(entries, options) : summaryLines(entries, options);
      return [heading(options, name), ...(entries.length > 0 ? lines : ['  none']), ''].join('\n');
    });
    const hint =
      topic === undefined
        ? [
            `"kmemlab list <topic>" shows details, e.g. kmemlab list experiments.`,
            `For patches of your own: kmemlab list ${NAMED_BY_PATCHES.join(', kmemlab list ')}.\n`,
          ]
        : [];
    stdout.write([...sections, ...hint].join('\n'));
  },
  parameters: {
    flags: {
      json: { kind: 'boolean', default: false, withNegated: false, brief: 'Print a kmemlab.list/1 document' },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ brief: TOPICS.join(', '), parse: (text: string) => text, placeholder: 'topic', optional: true }],
    },
  },
  docs: { brief: `List ${TOPICS.join(', ')}`, fullDescription: DESCRIPTION },
});
