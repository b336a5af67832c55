/** How a node process ended. */
export interface NodeExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last thing it said on stderr, if anything. */
  readonly lastLine: string;
}

/** The exit statuses of a node process. */
export const NodeStatus = {
  /** It was told to stop. */
  stopped: 0,
  /** It could not do its work; stderr says why. */
  failed: 1,
  /** It heard nothing from the coordinator for too long. */
  abandoned: 3,
  /** It lost the connection to the broker. */
  brokerLost: 4,
} as const;

/** What every node process of a run is started with. */
export interface NodeOrder {
  readonly run: string;
  readonly nodes: number;
  readonly cpusPerNode: number;
}

/** Whoever started the node processes of a run, and ends them. Nodes are numbered from 0. */
export interface NodeOwner {
  /** Start all of them. Rejects with nothing left running if it cannot. */
  start(order: NodeOrder): Promise<void>;
  /** Which process a node is, for people: `pid 4711`, `pid 4711 on host b`. */
  describe(node: number): string;
  /** The last thing a node said on stderr, as far as it is known here. */
  lastLine(node: number): string;
  /** Hear of each process's end, once for each. */
  onExit(listener: (node: number, exit: NodeExit) => void): void;
  /** Ask a process to end. No effect on one that has. */
  terminate(node: number): void;
  /** End a process. No effect on one that has. */
  kill(node: number): void;
  /** Resolves when none runs any more. */
  readonly allExited: Promise<void>;
  /** They may be on other hosts. */
  readonly remote: boolean;
}
