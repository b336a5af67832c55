import type { BugCases } from './types.js';

export const casesV1: BugCases = {};
