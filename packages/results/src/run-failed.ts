import type { Failure } from './schema.js';

/** A run ended without a result of its own; what it had sent before is all that is known of it. */
export class RunFailed extends Error {
  override readonly name = 'RunFailed';

  constructor(readonly failure: Failure) {
    super(failure.detail);
  }
}
