import type { Experiment } from '../lab/types.js';
import { dropProgram, generationsProgram, settleProgram, unlinkProgram } from './programs.js';

const MS = 1e6;
const PLACEMENT = { kind: 'sticky' } as const;

/** E2b: how many removed memcgs stay because others still use what they paid for? */
export const zombies: Experiment = {
  name: 'zombies',
  summary:
    'memcgs come and go, files that were made in them stay: how many removed memcgs are kept, generation by generation?',
  params: {
    generations: {
      kind: 'integer',
      amount: true,
      min: 1,
      max: 65000,
      default: 100,
      summary: 'memcgs',
    },
    sharedFraction: {
      kind: 'fraction',
      default: 1,
      summary: 'part of the files that stays when their memcg goes',
    },
    pause: {
      kind: 'integer',
      min: 0,
      max: 10000,
      default: 20,
      summary: 'ms of machine time between two generations: long against a grace period, or all are dying at once',
    },
    hold: {
      kind: 'integer',
      min: 0,
      max: 20000,
      default: 1000,
      summary: 'ms of machine time from the removal of the last memcg until the files are unlinked',
    },
    pipe: {
      kind: 'choice',
      values: ['no', 'yes'],
      default: 'no',
      summary: 'yes: each memcg also pays for the page of a pipe, which stays open until the files are unlinked',
    },
    parent: {
      kind: 'choice',
      values: ['root', 'memcg'],
      default: 'root',
      summary:
        'below what they are made: the root, or a memcg that stays and whose counters and statistics contain theirs',
    },
    rmdir: {
      kind: 'choice',
      values: ['each', 'last'],
      default: 'each',
      summary: 'when memcgs are removed: each before the next is made, or all when the last has been filled',
    },
    idle: {
      kind: 'choice',
      values: ['no', 'yes'],
      default: 'no',
      summary: 'yes: nobody wakes the machine while time passes; what waits for a deferrable timer goes on waiting',
    },
    files: { kind: 'integer', min: 1, max: 1000, default: 10, summary: 'tmpfs files made in each memcg' },
    bytes: {
      kind: 'integer',
      min: 0,
      max: 65536,
      default: 0,
      summary: 'data in each file that stays: its pages in the page cache pin the memcg in every kernel',
    },
  },
  window: ['generations'],
  schedule: { generations: 2, files: 2 },
  async run(lab, params) {
    const generations = Number(params.generations);
    const files = Number(params.files);
    const shared = Math.round(files * Number(params.sharedFraction));
    const pipes = params.pipe === 'yes' ? [] : undefined;
    const scope = {
      generations,
      files,
      shared,
      bytes: Number(params.bytes),
      pause: Number(params.pause) * MS,
      hold: Number(params.hold) * MS,
      idle: params.idle === 'yes',
      pipes,
      nested: params.parent === 'memcg',
      together: params.rmdir === 'last',
    };
    const made = await lab.phase('generations', (control) => generationsProgram(control, scope), PLACEMENT, {
      total: generations,
    });
    const unlinked = await lab.nextPhase('unlink', (control) => unlinkProgram(control, scope), PLACEMENT, {
      total: generations,
    });
    const settled = await lab.nextPhase('settle', () => settleProgram(scope), PLACEMENT);
    const dropped = await lab.nextPhase('drop', () => dropProgram(generations), PLACEMENT);
    return { series: [...made, ...unlinked, ...settled, ...dropped] };
  },
};
