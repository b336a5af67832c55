/** A guest program of the experiment has thrown: the experiment is wrong there, or the kernel failed one of its calls. */
export const programFailure = (phase: string, error: unknown): Error =>
  new Error(
    `the experiment's program failed in phase ${phase}: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
