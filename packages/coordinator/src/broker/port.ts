import { InputProblem } from '../input-problem.js';

/** The port that the user wants for the broker is taken. */
export const portInUse = (port: number): InputProblem =>
  new InputProblem(`port ${port} on 127.0.0.1 is in use; choose another --broker-port or leave it away`);
