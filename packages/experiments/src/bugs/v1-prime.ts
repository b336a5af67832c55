import type { BugCases } from './types.js';

export const casesV1Ref: BugCases = {};

export const casesV1Gp: BugCases = {};
