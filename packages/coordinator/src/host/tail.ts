import type { Readable } from 'node:stream';

const LINES = 40;
const LINE_LENGTH = 2_000;

/** The last lines that a process wrote to a stream. Reads it to its end. */
export class Tail {
  private readonly complete: string[] = [];
  private unfinished = '';

  constructor(stream: Readable, onLine?: (line: string) => void) {
    stream.setEncoding('utf8');
    stream.on('error', () => {});
    stream.on('data', (text: string) => {
      const lines = (this.unfinished + text).split('\n');
      this.unfinished = (lines.pop() ?? '').slice(-LINE_LENGTH);
      for (const line of lines) {
        this.complete.push(line.slice(0, LINE_LENGTH));
        onLine?.(line);
      }
      this.complete.splice(0, this.complete.length - LINES);
    });
  }

  get lines(): readonly string[] {
    return this.unfinished === '' ? this.complete : [...this.complete, this.unfinished];
  }

  /** The last line that says something: not an empty one, a stack frame, or how Node.js ends its report of an error. */
  get lastLine(): string {
    const says = (line: string) => /^[^\s}]/.test(line) && !/^Node\.js v/.test(line);
    return this.lines.filter(says).at(-1)?.trim() ?? '';
  }
}
