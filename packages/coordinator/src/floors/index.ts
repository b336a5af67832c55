export { FloorError } from './floor-process.js';
export {
  type BrokerAddress,
  broadcast,
  crossNode,
  type FloorOptions,
  type NodeFloorOptions,
  natsRoundTrip,
  pingPong,
  twoCores,
  waitAsyncHop,
} from './floors.js';
export { calibrate, type FloorSet, type MachineFloors, type MeasureOptions, measureFloors } from './measure.js';
export type { Floor } from './summary.js';
