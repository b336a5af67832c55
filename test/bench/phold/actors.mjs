import { Core, post, wait } from '@kmemlab/machine';
import { EventQueue } from '../../../packages/machine-sim/dist/event-queue.js';

/** Delays are 1 to this many ns, whole. */
const LONGEST_DELAY = 10_000;

/** The generator that phold.cpp and phold.py have, too: 32-bit xorshift. */
class Draws {
  state = 12345;

  below(limit) {
    let { state } = this;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state;
    return Math.floor(((state >>> 0) * limit) / 2 ** 32);
  }
}

/** An actor: a CPU with one task, which sleeps until an event comes, and then sends one on. */
class Actor extends Core {
  /** Events that arrived while the task was awake. */
  backlog = 0;
  visits = 0;
  waiter = 0;
  runnable;

  constructor(id, port) {
    super(id, id, port, 1e12);
    this.runnable = Core.contextFor(id, 'phold', actorTask, [this, port]);
  }

  interrupt() {}
  softirqPending() {
    return false;
  }
  softirq() {}
  pickNext() {
    const next = this.runnable;
    this.runnable = undefined;
    return next;
  }
  taskDone() {}
  wake(context) {
    this.runnable = context;
  }
  offCpu() {}
  preempts() {
    return false;
  }
  quiet() {}
  checkMayBlock() {}
}

function* actorTask(actor, machine) {
  for (;;) {
    if (actor.backlog > 0) actor.backlog--;
    else {
      actor.waiter = actor.newWaiter();
      yield* wait(actor.waiter);
    }
    actor.visits++;
    machine.checksum = (Math.imul(machine.checksum, 31) + actor.id) | 0;
    const target = machine.draws.below(machine.actors.length);
    yield* post(target, arrive, 1 + machine.draws.below(LONGEST_DELAY));
  }
}

/** The handler at an actor's home: wake its task. */
const arrive = {
  kind: 'handler',
  name: 'phold.arrive',
  index: 0,
  lock: null,
  atomic: true,
  run(actor, _args, machine) {
    if (actor.waiter === 0) actor.backlog++;
    else {
      const { waiter } = actor;
      actor.waiter = 0;
      machine.complete(actor, waiter);
    }
  },
};

/**
 * PHOLD on the parts of the deterministic machine: its event queue, cores, effects, waiters and a handler for each
 * message. The machine here has no kernel, no interconnect and no digest.
 */
export class Phold {
  checksum = 0;
  draws = new Draws();
  clock = 0;
  queue = new EventQueue();
  actors;

  constructor(actors) {
    this.actors = Array.from({ length: actors }, (_, id) => new Actor(id, this));
    for (const actor of this.actors) actor.run();
    for (const { id } of this.actors) this.queue.push(1 + this.draws.below(LONGEST_DELAY), post(id, arrive, 0));
  }

  /** Let `n` events happen. */
  run(n) {
    const { queue, actors } = this;
    for (let i = 0; i < n; i++) {
      const message = queue.pop();
      this.clock = queue.time;
      const actor = actors[message.homes];
      message.handler.run(actor, message.args, this);
      actor.run();
    }
  }

  complete(actor, waiter) {
    actor.deliverCompletion(waiter, 0);
  }

  // What a core needs of its machine.

  time() {
    return this.clock;
  }
  now(core) {
    return this.clock + core.debt;
  }
  post(_core, message) {
    this.queue.push(this.clock + message.args, message);
  }
  failed(_core, error) {
    throw error;
  }
}
