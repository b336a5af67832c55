import type { Progress } from '@kmemlab/experiments';
import { formatCount, formatNs } from '@kmemlab/results';
import { TerminalLine } from './terminal-line.js';
import type { Output } from './types.js';

const DEFAULT_COLUMNS = 80;

/** `12 s`, `3 min 20 s`, `2 h 5 min`. */
function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** What is under way; `modelNs` only where there is a machine's clock to show. */
type Shown = Pick<Progress, 'phase' | 'done' | 'total'> & Partial<Progress>;

/** Says on a terminal how far a run has got. Rates are per second of host time. */
export class ProgressLine extends TerminalLine {
  readonly #now: () => Date;
  readonly #prefix: string;
  readonly #clock: string;
  #phase = '';
  #phaseStart = 0;
  #doneAtStart = 0;

  /** @param clock whose time the machine's own clock shows */
  constructor(output: Output, now: () => Date, prefix: string, clock: 'model' | 'machine') {
    super(output);
    this.#now = now;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  /** Shows where the run is. Bound, so that it can be passed as a callback. */
  readonly show = (progress: Shown): void => {
    if (!this.isShown) return;
    const now = this.#now().getTime();
    if (progress.phase !== this.#phase) {
      this.#phase = progress.phase;
      this.#phaseStart = now;
      this.#doneAtStart = progress.done;
    }
    const seconds = (now - this.#phaseStart) / 1000;
    const rate = seconds > 0 ? (progress.done - this.#doneAtStart) / seconds : 0;
    const parts = [`${this.#prefix}${progress.phase}`];
    if (progress.total > 0) parts.push(`${formatCount(progress.done)}/${formatCount(progress.total)}`);
    if (rate > 0) parts.push(`${formatCount(rate >= 10 ? Math.round(rate) : rate)}/s`);
    if (rate > 0 && progress.total > progress.done) {
      parts.push(`${timeLeft((progress.total - progress.done) / rate)} left`);
    }
    if (progress.modelNs !== undefined) parts.push(`${formatNs(progress.modelNs, false)} ${this.#clock} time`);
    this.write(parts.join('  ').slice(0, (this.columns || DEFAULT_COLUMNS) - 1));
  };
}
