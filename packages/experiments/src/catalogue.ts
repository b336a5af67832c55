import { invariants, verdictIds } from '@kmemlab/checker';
import { BUG, functionKinds, functionNames, handlerAt, handlerCount, patches, versions } from '@kmemlab/kernel';
import type { CatalogueEntry, CatalogueTopic } from './api.js';
import { bugClasses } from './bugs/classes.js';
import { verdictsOfBug } from './bugs/verdicts.js';
import { experiments } from './experiments.js';
import { defaultOf, type ParamSpecs, rangeOf } from './params.js';

const verdicts: readonly CatalogueEntry[] = [
  ['use-after-free', 'a freed object was touched; names the freeing and the touching step'],
  ['double-destroy', 'an object was freed twice'],
  ['leak', 'on a quiet machine, something exists that nothing can ever release'],
  ['lost-object', 'a slab object is in no slab, in no array, and not in use'],
  ['stall', 'a grace period does not end, or nothing moves at all; names who owes what, and where everybody is'],
  ['deadlock', 'tasks or CPUs wait for each other in a circle; spells out who holds what and who waits for whom'],
  ['livelock', 'kernel code goes on and on, and nothing comes of it'],
  ['invariant-broken', 'a numbered rule of the kernel was broken; the id names it'],
].map(([name = '', summary = '']) => ({ name, summary, details: [] }));

const isRule = (id: string): boolean => invariants.some((rule) => rule.id === id);

/** Defects of single kernels, with the title of the bug that they are or show. */
function defects(): CatalogueEntry[] {
  const ids = [...verdictIds].filter((id) => !isRule(id) && id !== BUG && verdicts.every(({ name }) => name !== id));
  return ids.sort().map((id) => {
    const bug = bugClasses.find((row) => row.id === id) ?? bugClasses.find((row) => verdictsOfBug(row).includes(id));
    return { name: id, summary: bug?.title ?? 'a defect', details: [] };
  });
}

const assertion: CatalogueEntry = { name: BUG, summary: 'an assertion of the kernel itself failed', details: [] };

const profiles: readonly CatalogueEntry[] = [
  {
    name: 'tmpfs',
    summary: 'the script as real 4.10 runs it on tmpfs: 3 caches per loop',
    details: ['dentry, shmem_inode_cache, inode_cache; the last memcg has proc_inode_cache for inode_cache'],
  },
  {
    name: 'mail',
    summary: 'an interpreter that maps a buffer for every opened file: 5 caches per loop',
    details: ['as tmpfs, and vm_area_struct, anon_vma_chain'],
  },
];

/** What replaceFunction can replace, by kind. */
const functions = (): CatalogueEntry[] =>
  functionKinds.flatMap((kind) => functionNames(kind).map((name) => ({ name, summary: kind, details: [] })));

/** What replaceHandler can replace. */
const handlers = (): CatalogueEntry[] =>
  Array.from({ length: handlerCount() }, (_, index) => {
    const { name = '', lock = null, atomic = false } = handlerAt(index) ?? {};
    const summary = atomic ? 'atomic: any CPU of the node may run it' : lock === null ? 'at its home' : `under ${lock}`;
    return { name, summary, details: [] };
  });

/** Parameters or options, a line each. */
const linesOf = (specs: ParamSpecs): string[] =>
  Object.entries(specs).map(([name, spec]) => {
    const standard = defaultOf(spec);
    return `${name} (${rangeOf(spec)}; ${standard === undefined ? 'not set' : `default ${standard}`}): ${spec.summary}`;
  });

/** The lines of `kmemlab list TOPIC`. */
export function catalogue(topic: CatalogueTopic): CatalogueEntry[] {
  switch (topic) {
    case 'experiments':
      return experiments.map(({ name, summary, params }) => ({
        name,
        summary,
        details: linesOf(params),
      }));
    case 'kernels':
      return versions.map(({ name, source, summary }) => ({
        name,
        summary,
        source: `models Linux ${source}`,
        details: [],
      }));
    case 'patches':
      return patches.map((patch) => ({
        name: patch.name,
        summary: patch.summary,
        ...(patch.why !== undefined && { why: patch.why }),
        ...(patch.mail !== undefined && { source: patch.mail }),
        details: [
          ...linesOf(patch.options ?? {}),
          ...(patch.mutation === true && patch.silent !== true
            ? [`deliberately broken: ${patch.breaks ?? 'an invariant'}`]
            : []),
          ...(patch.silent === true ? ['takes away what is not needed: must break nothing'] : []),
          ...(patch.appliesTo === undefined ? [] : [`applies to ${patch.appliesTo.join(', ')}`]),
        ],
      }));
    case 'verdicts':
      return [
        ...verdicts,
        ...invariants.map(({ id, rule }) => ({ name: id, summary: rule, details: [] })),
        ...defects(),
        assertion,
      ];
    case 'profiles':
      return [...profiles];
    case 'functions':
      return functions();
    case 'handlers':
      return handlers();
  }
}
