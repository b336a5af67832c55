import type { Failure } from './schema.js';

/** A run has failed; what it, or whoever asked something of it, had sent before is all that is known. */
export class RunFailed extends Error implements Failure {
  override readonly name = 'RunFailed';
  readonly kind: string;
  readonly detail: string;

  constructor({ kind, detail }: Failure) {
    super(`${kind}: ${detail}`);
    this.kind = kind;
    this.detail = detail;
  }
}
