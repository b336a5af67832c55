/** Versions that have what a mutation breaks, where not all do. */
export const from410 = ['v4.10', 'v4.12', 'v5.2', 'v5.3', 'v5.9'] as const;
/** Memcgs have caches of their own. */
export const to53 = ['v3.14', 'v4.10', 'v4.12', 'v5.2', 'v5.3'] as const;
export const from410To53 = ['v4.10', 'v4.12', 'v5.2', 'v5.3'] as const;
/** The caches of a removed memcg stay its own. */
export const from410To52 = ['v4.10', 'v4.12', 'v5.2'] as const;
