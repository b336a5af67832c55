import type { NodeMachine, NodeMachineOptions, NodeReport } from '@kmemlab/machine-live';

/** One node of the live machine, as the lab in its process drives it. */
export type LiveMachine = Pick<
  NodeMachine,
  | 'start'
  | 'boot'
  | 'startProgram'
  | 'startBackground'
  | 'continueProgram'
  | 'hold'
  | 'bareTime'
  | 'resume'
  | 'quiet'
  | 'report'
  | 'inventory'
  | 'dump'
  | 'waits'
>;

/** What a node's machine is made of, as far as the scenario says it. */
export type LiveMachineOptions = Omit<NodeMachineOptions, 'links' | 'workerEntry' | 'epoch'>;

/** What a node has counted, without what it timed. */
export type NodeCounts = Omit<NodeReport, 'durations'>;

/** How a guest program ended, as it travels between processes. */
export type PlainOutcome = Parameters<NodeMachineOptions['onExit']>[1];

/** What is wrong with a node, by the kinds of a result's failure. */
export type NodeFailure = Parameters<NodeMachineOptions['onFailure']>[0];
