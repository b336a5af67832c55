export { EventKind } from './events.js';
export { type GuestOutcome, SimMachine, type SimOptions, type StrategyName } from './sim-machine.js';
