import { isCallFunction } from '@kmemlab/machine';

/** Shared words of one thread; a line of its own for each. */
const Word = {
  /** Counts rings: the one word on which the thread sleeps. */
  bell: 0,
  /** 1 while the thread is about to sleep or sleeps. Only the sleeper writes it. */
  asleep: 1,
  /** Interrupts raised and not yet taken, one bit per vector. */
  vectors: 2,
  /** Control calls sent to the thread. */
  calls: 3,
  /** Call-function interrupts that reached the CPU, and those of them that met one pending. */
  received: 4,
  merged: 5,
  /** What the CPU is doing, a CpuState. */
  state: 6,
  /** 1 while kernel work is left on the CPU. */
  busy: 7,
  /** While the thread sleeps: the waiter (its low 32 bits) of the one completion that it sleeps for; 0 for anything. */
  sleepsFor: 8,
} as const;

const WORDS = 16;
/** Task, place, time: see CpuStatus. */
const STATUS = 4;

/** What a CPU does, as it says itself before it sleeps. */
export const CpuState = { starting: 0, running: 1, idle: 2, waiting: 3, working: 4, held: 5, ended: 6 } as const;

export type CpuState = (typeof CpuState)[keyof typeof CpuState];

export const cpuStateName = (state: number): string => Object.keys(CpuState)[state] ?? 'unknown';

/** Where a CPU was when it last slept or began to run. */
export interface CpuStatus {
  readonly state: number;
  readonly task: number;
  readonly place: number;
  /** Machine time, ns. */
  readonly since: number;
}

/**
 * Doorbells of the threads of one node: its CPUs by index, then the memory agent. Whoever leaves something for a thread
 * rings; a bell is a futex call only if the thread sleeps.
 */
export class Switchboard {
  private readonly words: Int32Array;
  private readonly status: Float64Array;

  constructor(
    readonly buffer: SharedArrayBuffer,
    readonly threads: number,
  ) {
    this.words = new Int32Array(buffer, 0, threads * WORDS);
    this.status = new Float64Array(buffer, threads * WORDS * 4, threads * STATUS);
  }

  static create(threads: number): Switchboard {
    return new Switchboard(new SharedArrayBuffer(threads * (WORDS * 4 + STATUS * 8)), threads);
  }

  private at(thread: number, word: number): number {
    return thread * WORDS + word;
  }

  /** Number of rings so far; read it before looking for work, and sleep on it afterwards. */
  rings(thread: number): number {
    return Atomics.load(this.words, this.at(thread, Word.bell));
  }

  ring(thread: number): void {
    const bell = this.at(thread, Word.bell);
    Atomics.add(this.words, bell, 1);
    if (Atomics.load(this.words, this.at(thread, Word.asleep)) === 1) Atomics.notify(this.words, bell);
  }

  /**
   * Ring for the completion of a waiter, which has been left in the inbox. A thread that sleeps in a spin on another waiter
   * is not woken: it takes this one in when it next wakes, as if the completion had flown so long.
   *
   * That loses no wake-up. The count of rings goes up in any case, so a thread that has looked at its inbox before the
   * completion was there, and is about to sleep, does not. The sleeper publishes its waiter before it says that it sleeps,
   * so a waiter read here is that of the sleep which has just been seen, or of a later one; and before a later one the
   * thread has looked at its inbox again. A message that is still being written hides those behind it, so a thread
   * publishes its waiter only if its inbox was empty, to the last cell reserved, after it had looked.
   *
   * It does no harm: a CPU that spins can use no other completion, unless that makes a task of its own runnable, and then
   * it publishes 0 (`Core.spinsOnlyOn`). Whatever is no completion (interrupts, answers, wake-ups of kernel threads,
   * control calls) rings by `ring`.
   */
  ringFor(thread: number, waiter: number): void {
    const bell = this.at(thread, Word.bell);
    Atomics.add(this.words, bell, 1);
    if (Atomics.load(this.words, this.at(thread, Word.asleep)) === 0) return;
    const sleepsFor = Atomics.load(this.words, this.at(thread, Word.sleepsFor));
    if (sleepsFor === 0 || sleepsFor === (waiter | 0)) Atomics.notify(this.words, bell);
  }

  /**
   * Sleep until somebody rings after `seen` rings, at most `ms`.
   * @param waiter for whose completion alone `ringFor` wakes the thread; 0 for that of any
   */
  sleep(thread: number, seen: number, ms: number, waiter = 0): void {
    this.announceSleep(thread, waiter);
    Atomics.wait(this.words, this.at(thread, Word.bell), seen, ms);
    this.awake(thread);
  }

  /** The same without blocking the thread; null if somebody has rung already. */
  sleepAsync(thread: number, seen: number, waiter = 0): Promise<unknown> | null {
    this.announceSleep(thread, waiter);
    const waiting = Atomics.waitAsync(this.words, this.at(thread, Word.bell), seen);
    if (waiting.async) return waiting.value;
    this.awake(thread);
    return null;
  }

  private announceSleep(thread: number, waiter: number): void {
    Atomics.store(this.words, this.at(thread, Word.sleepsFor), waiter | 0);
    Atomics.store(this.words, this.at(thread, Word.asleep), 1);
  }

  /** After sleepAsync has resolved. */
  awake(thread: number): void {
    Atomics.store(this.words, this.at(thread, Word.asleep), 0);
  }

  isAsleep(thread: number): boolean {
    return Atomics.load(this.words, this.at(thread, Word.asleep)) === 1;
  }

  /** Raise an interrupt at a CPU of this node. */
  raise(thread: number, vector: number): void {
    const before = Atomics.or(this.words, this.at(thread, Word.vectors), 1 << vector);
    if (isCallFunction(vector)) {
      Atomics.add(this.words, this.at(thread, Word.received), 1);
      if ((before & (1 << vector)) !== 0) this.merged(thread);
    }
    this.ring(thread);
  }

  /** Take all interrupts raised at the own CPU. */
  takeVectors(thread: number): number {
    return Atomics.exchange(this.words, this.at(thread, Word.vectors), 0);
  }

  hasVectors(thread: number): boolean {
    return Atomics.load(this.words, this.at(thread, Word.vectors)) !== 0;
  }

  /** A call-function interrupt met one pending. */
  merged(thread: number): void {
    Atomics.add(this.words, this.at(thread, Word.merged), 1);
  }

  receivedCount(thread: number): number {
    return Atomics.load(this.words, this.at(thread, Word.received));
  }

  mergedCount(thread: number): number {
    return Atomics.load(this.words, this.at(thread, Word.merged));
  }

  /** Tell a thread that a control call is on its way. */
  announceCall(thread: number): void {
    Atomics.add(this.words, this.at(thread, Word.calls), 1);
    this.ring(thread);
  }

  announcedCalls(thread: number): number {
    return Atomics.load(this.words, this.at(thread, Word.calls));
  }

  setState(thread: number, state: CpuState, busy: boolean, task: number, place: number, since: number): void {
    const base = thread * STATUS;
    this.status[base] = task;
    this.status[base + 1] = place;
    this.status[base + 2] = since;
    Atomics.store(this.words, this.at(thread, Word.busy), Number(busy));
    Atomics.store(this.words, this.at(thread, Word.state), state);
  }

  isBusy(thread: number): boolean {
    return Atomics.load(this.words, this.at(thread, Word.busy)) === 1;
  }

  statusOf(thread: number): CpuStatus {
    const base = thread * STATUS;
    return {
      state: Atomics.load(this.words, this.at(thread, Word.state)),
      task: this.status[base] as number,
      place: this.status[base + 1] as number,
      since: this.status[base + 2] as number,
    };
  }
}
