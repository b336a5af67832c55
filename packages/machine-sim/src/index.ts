export { Checkpoint } from './checkpoint.js';
export { type Extent, pctStalls, randomStalls, replay } from './deciders.js';
export { EventKind, EventOf, type SimEvent } from './events.js';
export type { GuestOutcome } from './guests.js';
export { History } from './history.js';
export { SimMachine, type SimOptions, type StrategyName } from './sim-machine.js';
export { Sketch } from './sketch.js';
export { actorOf, BEGINNING, type Decider, type NextStep, type Place, type Stall, StallOrder } from './strategy.js';
