export { type Failure, RunFailed } from '@kmemlab/results';
export { type BrokerChoice, chooseBroker, namedServer } from './broker/choose.js';
export { type Access, accessTo, connectTo } from './broker/connect.js';
export { type Broker, type BrokerKind, type Credentials, credentialsOf, type Environment } from './broker/types.js';
export { Coordinator, type CoordinatorOptions } from './coordinator.js';
export * from './floors/index.js';
export { describeHost, type HostDescription } from './host/describe.js';
export { findProgram } from './host/find-program.js';
export type { Resources } from './host/resources.js';
export { InputProblem } from './input-problem.js';
export { checkLimits, type MachineSize } from './limits.js';
export { type NodeEnvironment, readNodeEnvironment } from './nodes/child.js';
export { type NodeExit, NodeStatus } from './nodes/types.js';
export { announceService, findServices } from './orders/presence.js';
export {
  ORDER_REPEAT_MS,
  ORDER_SCHEMA,
  type OrderSubjects,
  SERVICE_GROUP,
  SUBMIT_SUBJECT,
  subjectsOf,
} from './orders/subjects.js';
export { type SubmitOptions, submitOrder } from './orders/submit.js';
export * from './protocol.js';
export { NodeDaemon, type NodeDaemonOptions } from './registry/daemon.js';
export { discover } from './registry/discover.js';
export type { Presence, Registration } from './registry/messages.js';
export { serveRoundTrips } from './round-trips.js';
export { markClock, monotonicAt, type RunClock } from './run-clock.js';
