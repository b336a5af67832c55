export * from './api.js';
export { catalogue } from './catalogue.js';
export {
  type BugMatrixOptions,
  type BugMatrixRequest,
  bugMatrix,
  mergeBugMatrix,
  type NamedReplay,
} from './check/bug-matrix.js';
export {
  type Checked,
  type CheckOptions,
  type CheckRequest,
  check,
  playReplay,
  type Replayed,
  resolveCheck,
} from './check/check.js';
export { type MatrixOptions, type MatrixRequest, mutationMatrix } from './check/matrix.js';
export type { ReplayFile } from './check/replay-file.js';
export type { SearchPlan } from './check/types.js';
export { checkerFor } from './lab/checked.js';
export type { Cluster, ClusterPlan, StartCluster } from './lab/cluster.js';
export type { LiveMachine, LiveMachineOptions, NodeFailure, PlainOutcome } from './lab/live-node.js';
export { type NodeExperiment, type NodeExperimentOptions, runNodeExperiment } from './lab/node-experiment.js';
export type { NodeChannel } from './lab/node-lab.js';
export type { NodePlan } from './lab/node-plan.js';
export type { LivePlace } from './lab/observed.js';
export { type ClusterStarterOptions, clusterStarter } from './lab/start-cluster.js';
export { checkOnThread, runOnThread } from './on-sim-thread.js';
export { runScenario } from './run.js';
export { checkDeterminism } from './run-sim.js';
export { type BuiltKernel, type KernelOfScenario, kernelOf } from './scenario/kernel-of.js';
export { resolveScenario, scenarioToYaml } from './scenario/resolve.js';
