export type ScaleKind = 'linear' | 'log2' | 'log10';

/** A numeric axis of a chart. */
export interface Axis {
  readonly label: string;
  /** `ns`: times, whose ticks are written with fitting units; anything else stands behind the label. */
  readonly unit?: string;
  /** Default `linear`. */
  readonly scale?: ScaleKind;
  /** Counts: no ticks between whole numbers. */
  readonly whole?: boolean;
}

/** A value with, where it is known, the range that it may have. */
export interface Value {
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Point extends Value {
  readonly x: number;
}

interface Named {
  readonly name: string;
  /** Published or otherwise given values, not measured ones: drawn as hollow diamonds, never joined. */
  readonly reference?: boolean;
}

export interface PointSeries extends Named {
  /** In any order; lines join them by x. */
  readonly points: readonly Point[];
}

export interface BarSeries extends Named {
  /** One for each category; undefined leaves a gap. */
  readonly values: readonly (Value | undefined)[];
}

interface Titled {
  readonly title: string;
  /** What the chart shows in a sentence, for readers who cannot see it. */
  readonly description: string;
}

/** What `lineChart` and `scatterChart` draw. */
export interface PointChart extends Titled {
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly PointSeries[];
  /** False: lines without markers, for many points. */
  readonly markers?: boolean;
  /** A value holds until the next point: lines are steps. */
  readonly steps?: boolean;
}

/** What `barChart` draws: groups of bars, one group for each category. */
export interface BarChart extends Titled {
  readonly x: { readonly label: string; readonly categories: readonly string[] };
  readonly y: Axis;
  readonly series: readonly BarSeries[];
}

/** What `heatMap` draws: a table of counts whose darkest cells are the largest. */
export interface HeatMap extends Titled {
  /** What a column is, e.g. `CPU of the node`. */
  readonly x: { readonly label: string; readonly categories: readonly string[] };
  readonly rows: readonly {
    readonly name: string;
    /** One for each column; undefined leaves a gap. */
    readonly values: readonly (number | undefined)[];
  }[];
}

/** What `sequenceDiagram` draws: who did what, one column per actor, time downwards. */
export interface SequenceDiagram extends Titled {
  readonly actors: readonly string[];
  readonly events: readonly {
    /** Index of the actor. */
    readonly actor: number;
    readonly time: string;
    readonly text: string;
    readonly kind: 'step' | 'stall' | 'conflict';
  }[];
}

/** A series holds a value that its axis cannot show. */
export class ChartError extends Error {
  override readonly name = 'ChartError';

  constructor(
    readonly series: string,
    detail: string,
  ) {
    super(`series ${JSON.stringify(series)}: ${detail}`);
  }
}
