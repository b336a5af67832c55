import type { BugCases } from './types.js';

export const casesV412: BugCases = {};

export const casesV52: BugCases = {};
