import { Tinypool } from 'tinypool';
import { type Part, type Prepared, prepare, trySchedules } from './try-schedules.js';
import type { SearchPlan, Tried } from './types.js';

// What a patch prints is for people: documents go to stdout.
Object.assign(console, { log: console.error, info: console.error, debug: console.error });

let prepared: Promise<Prepared> | undefined;

/** A part of the search that this thread is for. The machine boots once, when the first part comes. */
export default async function tryPart(part: Part): Promise<Tried> {
  const plan = Tinypool.workerData as unknown as SearchPlan;
  prepared ??= prepare(plan);
  return trySchedules(await prepared, plan, part);
}

/** A whole search on this thread. */
export async function tryAlone(plan: SearchPlan): Promise<Tried> {
  return trySchedules(await prepare(plan), plan, { first: 0, count: plan.schedules, given: [], expand: 0 });
}

export { tryCase } from './bug-case.js';
