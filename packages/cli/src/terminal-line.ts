import type { Output } from './types.js';

/** One line on a terminal that is rewritten in place; nothing at all elsewhere. */
export class TerminalLine {
  readonly #output: Output;
  #visible = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Whether anybody sees it. */
  get isShown(): boolean {
    return this.#output.isTerminal;
  }

  /** Columns of the terminal, if it says so. */
  get columns(): number | undefined {
    return this.#output.columns;
  }

  write(text: string): void {
    if (!this.isShown) return;
    this.#output.write(`\r\u001b[K${text}`);
    this.#visible = true;
  }

  /** Removes the line, before anything else is printed. */
  clear(): void {
    if (this.#visible) this.#output.write('\r\u001b[K');
    this.#visible = false;
  }
}
