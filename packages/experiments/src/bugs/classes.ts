import type { BugClass } from './types.js';

const bug = (kind: BugClass['kind'], id: string, title: string, marks: string): BugClass => ({
  ...{ id, title, kind },
  expected: marks.split(' ').map((mark) => {
    const known = { '●': 'found', '○': 'conditional', '–': 'clean' } as const;
    return known[mark as keyof typeof known] ?? null;
  }),
});

const verdict = (id: string, title: string, marks: string): BugClass => bug('verdict', id, title, marks);

const finding = (id: string, title: string, marks: string): BugClass => bug('finding', id, title, marks);

/**
 * The rows of the bug matrix, with what each kernel’s source says, in the order of the columns: found, found under a condition, not
 * found; a dot where nothing is to be said.
 */
export const bugClasses: readonly BugClass[] = [
  verdict('V0-b', 'use after free: release hook against destroy work', '● – – · – – – – – – –'),
  verdict('V0-c', 'double destroy: the same item queued twice', '● – – · – – – – – – –'),
  verdict('V0-d', 'use after free: a foreign shrink against destruction', '● ○ – · ● – – – – – –'),
  verdict('V0-e', 'leak: a cache created after offline', '● ● · · – – – – – – –'),
  verdict('V0-f', 'root against child destruction', '● ● ● · – – ● – ● ● –'),
  verdict('V0-g', 'use after free: root destruction against a creation item', '● ● ● · – ● ● – – – –'),
  verdict('V0-h', 'use after free: an allocation in flight', '● ● – · ● – – – – – –'),
  verdict('V0-i', 'use after free: a shrink that begins while the cache is shut down', '● ● – · ● – – – – – –'),
  finding('V0-a', 'dead caches kept by retained empty slabs', '● ● ○ · ● – – ○ – – –'),
  verdict('no-reaper', 'leak: dead caches that nobody reaps', '– ● – · – – – – – – –'),
  finding('zombie-objects', 'zombie memcg: live objects', '● ● ● · – ● ● ● – – –'),
  finding(
    'zombie-negative-dentry',
    'zombie memcg: negative dentry of a removed cgroup directory',
    '– – – · – ● ● ● – – –',
  ),
  finding('zombie-pages', 'zombie memcg: user pages or page-level kmem', '● ● ● · ○ ● ● ● ● ● ●'),
  verdict('V1-a', 'leak: RCU-typed cache checked before its callbacks ran', '– ● – · – – – – – – –'),
  finding('V3-d', 'zombie memcg: stock only', '– – – · – ● ● ○ ○ ○ ○'),
  verdict('V2-a', 'livelock in the tryget loop', '– – – · ● – – – – – –'),
  verdict('V2-b', 'use after free: uncharge after the last reference', '– ○ – · ● – – – – – –'),
  verdict('V5p-a', 'RCU read section that never ends', '– – – · – – – – ● – –'),
  verdict('V5p-b', 'leak: css reference of a failed item allocation', '– – – · – – – – ● ● –'),
  verdict('V5p-c', 'self-deadlock on memcg_kmem_wq_lock', '– – – · – – – – ● – –'),
  verdict('V5p-d', 'write after free, or a lost shutdown, in the worker', '– – – · – – – – ● – –'),
  verdict('V4-d', 'a root that stays in use is marked dying', '– – – · – – – ● ● ● –'),
  { ...verdict('sysfs-clash', 'sysfs name clash', '– – – · ○ – ● – – – –'), verdict: 'SLUB-8' },
  finding('mischarge', 'pages of a cache charged to another memcg after a move', '● – ○ · ○ – – – – – –'),
  verdict('never-kick', 'array replaced without a kick', '● ● ● · ● ● ● ● ● ● ●'),
  verdict('no-barrier-at-teardown', 'no barrier at the teardown of memcg caches', '● ○ – · ● – – – – – ·'),
  verdict(
    'no-barrier-at-root-destruction',
    'no barrier at the destruction of an RCU-typed root',
    '● ● ● · ● ● ● ● ● ● ●',
  ),
  finding('V6-a', 'limit not enforced for slab objects', '· · · · · · · · · · ●'),
  verdict('V6-b', 'use after free: charge against reparenting', '· · · · · · · · · · ●'),
  verdict('V6-c', 'SLUB bulk free forgets all objects but the first', '· · · · · · · · · · ●'),
  verdict('V6-d', 'root counter below zero without use_hierarchy', '· · · · · · · · · · ●'),
  finding('V6-e', 'obj_cgroup of a dead CPU stays referenced', '· · · · · · · · · · ○'),
  finding('V6-f', 'vectors that hold each other', '· · · · · · · · · · ○'),
  verdict('V6-g', 'walk that ends with an obj_cgroup whose tryget failed', '· · · · · · · · · · –'),
];
