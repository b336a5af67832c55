import type { Output } from './types.js';

/** One line on a terminal that says which of so many steps is under way; nothing at all elsewhere. */
export class StepLine {
  readonly #output: Output;
  #visible = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Bound, so that it can be passed as a callback. */
  readonly show = (done: number, total: number, step: string): void => {
    if (!this.#output.isTerminal) return;
    this.#output.write(`\r\u001b[K${done + 1}/${total}  ${step}`);
    this.#visible = true;
  };

  /** Removes the line, before anything else is printed. */
  clear(): void {
    if (this.#visible) this.#output.write('\r\u001b[K');
    this.#visible = false;
  }
}
