import { Tinypool } from 'tinypool';
import { Subject } from './subject.js';
import { extentOf, type Part, type Prepared, trySchedules, WITHOUT_STALLS } from './try-schedules.js';
import type { SearchPlan, Tried } from './types.js';

let prepared: Promise<Prepared> | undefined;

async function prepare({ scenario, windows, from }: SearchPlan): Promise<Prepared> {
  const subject = await Subject.of(scenario, windows);
  return { subject, extent: extentOf(await subject.trial(WITHOUT_STALLS), from) };
}

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
