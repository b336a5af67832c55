import type { BugCases } from './types.js';

export const casesV2: BugCases = {};
