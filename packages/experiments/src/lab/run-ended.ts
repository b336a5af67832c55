/** The run ends here: a verdict, a failure, or an interruption. Not an error of the lab. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded';

  /** @param kind kind of the failure, if it is known better than that model code threw */
  constructor(
    readonly reason: 'verdict' | 'failed' | 'interrupted',
    readonly detail: string,
    readonly kind?: string,
  ) {
    super(detail);
  }
}
