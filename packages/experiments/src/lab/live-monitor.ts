import type { Topology, Verdict } from '@kmemlab/machine';
import type { Progress } from '../api.js';
import type { Cluster } from './cluster.js';
import { checked, schemas } from './live-messages.js';
import { LiveNodes } from './live-nodes.js';
import { LiveWatch } from './live-watch.js';
import { NodeReports } from './node-reports.js';
import { RunEnded } from './run-ended.js';
import { RunSignal } from './run-signal.js';

/** Least host time between two progress reports, and between two partial results, ms. */
const PROGRESS_MS = 100;
const PARTIAL_MS = 250;
/** Between two looks at whether the machine gets on, host ms. */
const WATCH_MS = 250;
/** Within which every node says where its CPUs are, ms. */
const DUMP_MS = 3000;

export interface LiveLabOptions {
  readonly cluster: Cluster;
  readonly topology: Topology;
  readonly isolcpus: readonly number[];
  /** Machine time per host time. */
  readonly timeScale: number;
  /** Within which a node answers what needs no machine time, ms. */
  readonly deadlineMs: number;
  readonly onProgress: (progress: Progress) => void;
  /** There are new figures: at a mark, or at most every 250 ms. */
  readonly onFigures: () => void;
  readonly signal: AbortSignal | undefined;
}

/** Hears what the nodes of a live machine say by themselves, and ends the run for the first reason that there is. */
export class LiveMonitor {
  readonly signal = new RunSignal();
  readonly nodes: LiveNodes;
  readonly reports: NodeReports;
  readonly verdicts: Verdict[] = [];
  private readonly watch: LiveWatch;
  private phase = 'start';
  private units = { done: 0, total: 0 };
  private watching = false;
  private declaring = false;
  private readonly watchTimer: NodeJS.Timeout;
  private lastProgress = 0;
  private lastPartial = 0;

  constructor(private readonly options: LiveLabOptions) {
    const { cluster, topology, deadlineMs, signal } = options;
    this.nodes = new LiveNodes(cluster, this.signal, deadlineMs);
    this.reports = new NodeReports(topology.nodes, topology.cpuCount);
    this.watch = new LiveWatch({
      timeScale: options.timeScale,
      nodes: this.nodes,
      reports: this.reports,
      signal: this.signal,
      nodeCount: topology.nodes,
      judge: (verdict) => this.judge(verdict),
      stalled: (detail) => this.stalled(detail),
    });
    this.watchTimer = setInterval(() => this.look(), WATCH_MS);
    void cluster.failure.then(({ kind, detail }) => this.fail(kind, detail));
    this.listen('report', (payload, node) => {
      this.reports.take(checked(schemas.report, payload, `a report of node ${node}`));
      this.reported();
    });
    this.listen('progress', (payload, node) => {
      this.units.done = checked(schemas.progress, payload, `progress of node ${node}`).done;
      this.showProgress();
    });
    this.listen('verdict', (payload, node) =>
      this.judge(checked(schemas.verdict, payload, `a verdict of node ${node}`)),
    );
    if (signal?.aborted) this.interrupt();
    signal?.addEventListener('abort', this.interrupt, { once: true });
  }

  /** Hear an event of the nodes; a listener that throws RunEnded ends the run. */
  listen(name: string, listener: (payload: unknown, node: number) => void): void {
    this.options.cluster.onEvent(name, (payload, node) => {
      try {
        listener(payload, node);
      } catch (error) {
        this.signal.end(error instanceof RunEnded ? error : new RunEnded('failed', String(error)));
      }
    });
  }

  /** A phase begins; from now on the machine has to get on. */
  begin(phase: string, total: number): void {
    this.phase = phase;
    this.units = { done: 0, total };
    this.watch.reset();
    this.watching = true;
  }

  /** The machine may stand still from now on. */
  pause(): void {
    this.watching = false;
  }

  /** The run ends with this verdict, unless it has ended. */
  judge(verdict: Verdict): void {
    if (this.signal.end(new RunEnded('verdict', verdict.detail))) this.verdicts.push(verdict);
  }

  /** Something does not come to an end: a deadlock if there is one, else a stall. Ends the run. */
  async stuck(detail: string): Promise<void> {
    if (!(await this.watch.findDeadlock())) await this.stalled(detail);
  }

  /** Nothing moves any more: end the run with a verdict that says where every CPU is. */
  private async stalled(detail: string): Promise<void> {
    if (this.declaring) return;
    this.declaring = true;
    const dump = await this.nodes.dump(DUMP_MS, this.options.topology.nodes);
    const steps = dump
      .filter(({ state }) => state !== 'idle')
      .map(({ cpu, task, function: name, since, stack = [] }) => ({ cpu, task, function: name, time: since, stack }));
    this.judge({ class: 'stall', id: 'stall', object: 'machine', steps, detail });
  }

  /** New figures are there. */
  figures(): void {
    this.lastPartial = performance.now();
    this.options.onFigures();
  }

  /** Watch the machine no more, nor hear the caller's signal. */
  close(): void {
    clearInterval(this.watchTimer);
    this.options.signal?.removeEventListener('abort', this.interrupt);
  }

  private readonly interrupt = (): void => {
    this.signal.end(new RunEnded('interrupted', `interrupted in phase ${this.phase}`));
  };

  /** Model code that threw is put down to the user's patch, if there is one, by whoever ends the run. */
  private fail(kind: string, detail: string): void {
    this.signal.end(new RunEnded('failed', detail, kind === 'internal' ? undefined : kind));
  }

  private reported(): void {
    if (this.signal.ended !== undefined) return;
    this.watch.reported();
    this.showProgress();
    if (performance.now() - this.lastPartial >= PARTIAL_MS) this.figures();
  }

  private look(): void {
    if (this.signal.ended === undefined) this.watch.tick(this.watching);
  }

  private showProgress(): void {
    const now = performance.now();
    if (this.signal.ended !== undefined || now - this.lastProgress < PROGRESS_MS) return;
    this.lastProgress = now;
    const { phase, units, reports } = this;
    this.options.onProgress({ phase, ...units, modelNs: reports.now, events: reports.events });
  }
}
