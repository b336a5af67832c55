import type { BugCases } from './types.js';

export const casesV0: BugCases = {};
