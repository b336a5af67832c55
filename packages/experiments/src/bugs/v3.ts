import type { BugCases } from './types.js';

export const casesV3: BugCases = {};
