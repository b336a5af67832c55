/** One published column of ten runs, in s, before and after the patch. */
export interface PublishedTimes {
  readonly original: readonly number[];
  readonly patched: readonly number[];
}

/**
 * `time find / -name …` after `echo 2 > drop_caches`, ten runs of each kernel, "best results in several runs". Source: Roman Gushchin,
 * "mm: rework non-root kmem_cache lifecycle management", v4, May 2019.
 */
export const publishedFind: Readonly<Record<'real' | 'user' | 'sys', PublishedTimes>> = {
  real: {
    original: [0.648, 0.581, 0.645, 0.691, 0.654, 0.675, 0.631, 0.622, 0.651, 0.671],
    patched: [0.593, 0.649, 0.705, 0.718, 0.715, 0.717, 0.719, 0.715, 0.669, 0.632],
  },
  user: {
    original: [0.148, 0.119, 0.138, 0.139, 0.146, 0.129, 0.137, 0.108, 0.139, 0.13],
    patched: [0.162, 0.136, 0.138, 0.134, 0.128, 0.137, 0.134, 0.124, 0.139, 0.139],
  },
  sys: {
    original: [0.295, 0.254, 0.263, 0.262, 0.247, 0.277, 0.254, 0.279, 0.252, 0.263],
    patched: [0.253, 0.25, 0.25, 0.253, 0.261, 0.248, 0.251, 0.264, 0.247, 0.245],
  },
};
