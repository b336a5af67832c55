export { runCli } from './cli.js';
export { type CliContext, type Engine, ExitStatus, type Output } from './types.js';
