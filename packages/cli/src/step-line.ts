import { TerminalLine } from './terminal-line.js';

/** Says on a terminal which of so many steps is under way. */
export class StepLine extends TerminalLine {
  /** Bound, so that it can be passed as a callback. */
  readonly show = (done: number, total: number, step: string): void => this.write(`${done + 1}/${total}  ${step}`);
}
