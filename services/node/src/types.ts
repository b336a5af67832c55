import type { Failure, NodeConfigure } from '@kmemlab/coordinator';
import type { ControlChannel, Link } from '@kmemlab/machine-live';

/** What a node's part of an experiment has to work with. */
export interface PartContext {
  readonly configure: NodeConfigure;
  /** By the peer's number; started when every node is ready. */
  readonly links: ReadonlyMap<number, Link>;
  readonly control: ControlChannel;
  /** Report what ends the run. */
  readonly fail: (failure: Failure) => void;
}

/** A node's part of an experiment. */
export interface Part {
  /** A link has delivered this. */
  receive(message: Uint8Array, from: number): void;
  /** Ends everything that it has started. */
  stop(): Promise<void>;
}
