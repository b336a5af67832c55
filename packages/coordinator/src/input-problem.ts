/** What the user asked for cannot be had: one line with the cause and the mend. Nothing was started. */
export class InputProblem extends Error {
  override readonly name = 'InputProblem';
}
