import { type Broker, credentialsOf, type Environment } from '../broker/types.js';
import { allowedCores } from '../host/cores.js';
import { NodeChild } from './child.js';
import type { NodeExit, NodeOrder, NodeOwner } from './types.js';

export interface LocalNodesOptions {
  readonly broker: Broker;
  /** Path of the program that every node runs. */
  readonly program: string;
  readonly env: Environment;
  /** Place node i on core i, round and round. */
  readonly pin: boolean;
}

/** Node processes on this computer, children of this process. */
export class LocalNodes implements NodeOwner {
  readonly remote = false;
  allExited: Promise<void> = Promise.resolve();
  private readonly listeners: ((node: number, exit: NodeExit) => void)[] = [];
  private children: NodeChild[] = [];

  constructor(private readonly options: LocalNodesOptions) {}

  async start({ run, nodes }: NodeOrder): Promise<void> {
    const { broker, program, env, pin } = this.options;
    const access = { url: broker.url, ...credentialsOf(broker) };
    const cores = pin ? allowedCores() : [];
    this.children = Array.from({ length: nodes }, (_, node) => {
      const core = cores[node % cores.length];
      return new NodeChild({ program, env, about: { ...access, run, node }, ...(core !== undefined && { core }) });
    });
    const ends = this.children.map(async (child, node) => {
      const exit = await child.exited;
      for (const listener of this.listeners) listener(node, exit);
    });
    // Nodes end by themselves when we are gone; one that stands still cannot.
    process.on('exit', this.killAll);
    this.allExited = Promise.all(ends).then(() => {
      process.off('exit', this.killAll);
    });
  }

  describe(node: number): string {
    return `pid ${this.children[node]?.pid ?? 'unknown'}`;
  }

  lastLine(node: number): string {
    return this.children[node]?.lastLine ?? '';
  }

  onExit(listener: (node: number, exit: NodeExit) => void): void {
    this.listeners.push(listener);
  }

  terminate(node: number): void {
    this.children[node]?.terminate();
  }

  kill(node: number): void {
    this.children[node]?.kill();
  }

  private readonly killAll = (): void => {
    for (const child of this.children) child.kill();
  };
}
