import type { BugCases } from './types.js';

export const casesV5m: BugCases = {};
