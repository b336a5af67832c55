// A patch with functions of its own: nobody waits for the kick under slab_mutex, it is left to a work item, some time later.
// docs/writing-a-patch.md asks whether that is safe.

const SOON = 100_000; // ns

/** @type {import('@kmemlab/kernel').Patch} */
export default {
  name: 'kick-later',
  summary: 'after arrays were replaced, a timer and a work item kick all CPUs',

  apply({ policies, functions }, { after, call, kickAllCpusSync, queueNewWork }) {
    // What runs by itself, later or on another CPU, is started by its name, with one number.
    functions.define('work', 'kick_later_func', function* kickLaterFunc(cpu) {
      yield* call(kickAllCpusSync, cpu);
    });

    // A timer function is called in softirq, where nothing may wait; a work function may.
    functions.define('timer', 'kick_later_timer', function* kickLaterTimer(cpu, data) {
      yield* call(queueNewWork, cpu, 'system_wq', 'kick_later_func', data);
    });

    policies.slab.afterPublish = function* kickLater() {
      yield* after(SOON, 'kick_later_timer', 0);
    };
  },
};
