export { Checker } from './checker.js';
export { orphanedCaches } from './leaks/orphaned-caches.js';
export { invariants } from './rules.js';
export type { Invariant, MachineView, Rest } from './types.js';
export type { MachineWaits } from './waiting/actors.js';
export { deadlockVerdict, signatureOf } from './waiting/deadlock.js';
export { gracePeriodVerdict } from './waiting/grace-period.js';
export { type Look, livelockVerdict, stallVerdict } from './waiting/standstill.js';
export { WaitGraph } from './waiting/wait-graph.js';
