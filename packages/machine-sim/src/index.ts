export { EventKind } from './events.js';
export type { GuestOutcome } from './guests.js';
export { SimMachine, type SimOptions, type StrategyName } from './sim-machine.js';
