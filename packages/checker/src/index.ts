export { Checker } from './checker.js';
export { invariants } from './rules.js';
export type { Invariant, MachineView, Rest } from './types.js';
