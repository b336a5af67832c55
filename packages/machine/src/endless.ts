import { actorOf, type Step, VerdictError } from './verdict.js';

/** Steps of kernel code in one go, without waiting for anything and without using time, that are taken for an endless loop. */
export const ENDLESS = 1 << 22;

/** Kernel code at this step goes on and on without using any time: no machine would ever get out of it. */
export function endlessLoop(step: Step): VerdictError {
  const detail = `${step.function} goes on and on without using any time`;
  const object = `CPU${step.cpu}`;
  return new VerdictError({ class: 'livelock', id: 'livelock', object, owner: actorOf(step), steps: [step], detail });
}
