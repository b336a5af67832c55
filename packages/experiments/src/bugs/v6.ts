import type { BugCases } from './types.js';

export const casesV6: BugCases = {};
