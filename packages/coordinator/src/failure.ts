/** Why a run failed: a kind that programs can tell apart, and a sentence for people. */
export interface RunFailure {
  readonly kind: string;
  readonly detail: string;
}

/** The run has failed; what was asked of it has no answer. */
export class RunFailed extends Error implements RunFailure {
  override readonly name = 'RunFailed';
  readonly kind: string;
  readonly detail: string;

  constructor({ kind, detail }: RunFailure) {
    super(`${kind}: ${detail}`);
    this.kind = kind;
    this.detail = detail;
  }
}
