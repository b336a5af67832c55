export type { BugCaseResult, BugCell, BugMark, BugMatrixResult } from './bug-matrix.js';
export { barChart } from './chart/bar.js';
export { heatMap } from './chart/heat-map.js';
export { lineChart } from './chart/line.js';
export { scatterChart } from './chart/scatter.js';
export { sequenceDiagram } from './chart/sequence.js';
export {
  type Axis,
  type BarChart,
  type BarSeries,
  ChartError,
  type HeatMap,
  type Point,
  type PointChart,
  type PointSeries,
  type ScaleKind,
  type SequenceDiagram,
  type Value,
} from './chart/types.js';
export {
  type CheckResult,
  type Interleaving,
  type InterleavingRow,
  type MatrixResult,
  type MatrixRow,
  type SearchStrategy,
  searchStrategies,
} from './check.js';
export { type ComparedQuantity, type CompareResult, compareResults } from './compare.js';
export { PhaseDurations, type PlainDurations, Recorder } from './durations.js';
export { toJson } from './json.js';
export type { KernelRuns, Spread } from './kernel-runs.js';
export { oneLine } from './one-line.js';
export { renderCsv } from './report/csv.js';
export { renderMarkdown } from './report/markdown.js';
export { renderReport, reportCharts } from './report/report.js';
export type { FoundSchedule, KernelAbout, ReportAbout, ReportSubject } from './report/types.js';
export {
  defaultRunId,
  type FileSystem,
  makeDirectories,
  pathComponent,
  RunDirectory,
  RunDirectoryError,
  type RunDirectoryErrorKind,
} from './run-directory.js';
export { RunFailed } from './run-failed.js';
export * from './schema.js';
export { sumByName } from './sum-by-name.js';
export {
  formatBytes,
  formatCount,
  formatNs,
  formatRatio,
  plural,
} from './text/format.js';
export { roundTripTable } from './text/live.js';
export { nearest, suggestion } from './text/nearest.js';
export { heading, paragraph, type TextOptions, wrap } from './text/paper.js';
export { renderBugMatrix } from './text/render-bug-matrix.js';
export { renderCheck } from './text/render-check.js';
export { renderCompare } from './text/render-compare.js';
export { renderInterleaving } from './text/render-interleaving.js';
export { renderMatrix } from './text/render-matrix.js';
export { renderRun } from './text/render-run.js';
export { type Cell, type Column, type Row, table } from './text/table.js';
export { verdictLines } from './text/verdicts.js';
export { mean, type Welch, welch } from './welch.js';
