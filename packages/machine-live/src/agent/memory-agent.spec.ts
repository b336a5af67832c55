import {
  defaultConfig,
  defineHandler,
  handlerCount,
  KernelBuild,
  KernelNode,
  type SyscallResult,
  versions,
} from '@kmemlab/kernel';
import { resolveCosts, SharedMemory, type Step, Topology, Vector, type Verdict, VerdictError } from '@kmemlab/machine';
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeBody, encodeBody } from '../body.js';
import { MachineClock } from '../clock.js';
import { Inbox } from '../memory/inbox.js';
import { Switchboard } from '../memory/switchboard.js';
import { decodeMessage, Kind, Message } from '../message.js';
import { MemoryAgent } from './memory-agent.js';

/** Node 1 of two with two CPUs each: CPU2 and CPU3. */
const NODE = 1;
const topology = new Topology(2, 2);

const ran: unknown[] = [];
const note = defineHandler('spec.note', (_node, args: { value: unknown }): unknown => {
  ran.push(args.value);
  return args.value;
});
const postTwice = defineHandler('spec.postTwice', (_node, _args: null, context): void => {
  context.post(NODE, note, { value: 'own' });
  context.post(0, note, { value: 'theirs' });
  ran.push('itself');
});
const wake = defineHandler('spec.wake', (_node, _args: null, context): void => {
  context.complete(2, 5);
  context.raise(3, Vector.callFunction);
  context.wakeThread(0, 'kworker', 7);
});
const where = defineHandler('spec.where', (_node, _args: null, context): Step => context.step());
const broken = defineHandler('spec.broken', (_node, _args: null, context): void => {
  const steps = [context.step()];
  throw new VerdictError({ class: 'invariant-broken', id: 'X-1', object: 'x', steps, detail: 'broken' });
});
const throws = defineHandler('spec.throws', (): void => {
  throw new Error('no such luck');
});

let agent: MemoryAgent;
let board: Switchboard;
let inboxes: Inbox[];
let passed: Message[];
let verdicts: Verdict[];
let failures: string[];
let returned: SyscallResult[];

beforeEach(() => {
  ran.length = 0;
  passed = [];
  verdicts = [];
  failures = [];
  returned = [];
  const version = versions.find(({ name }) => name === 'v4.10');
  if (version === undefined) throw new Error('no version');
  const build = new KernelBuild(version, [], defaultConfig);
  const environment = { topology, costs: resolveCosts(), seed: 1, durations: { record() {}, kick() {} }, probe: null };
  const clock = new MachineClock(process.hrtime.bigint(), 1);
  board = Switchboard.create(3);
  inboxes = [Inbox.create(64), Inbox.create(64), Inbox.create(1024)];
  const limits = { node: 0, nodes: 2, cpus: 4, handlers: handlerCount() };
  const send = (bytes: Uint8Array): void => void passed.push(decodeMessage(bytes, limits, new Message()));
  agent = new MemoryAgent({
    node: new KernelNode(NODE, environment, new SharedMemory()),
    build,
    clock,
    board,
    inboxes,
    outlets: new Map([[0, { send }]]),
    listener: {
      onVerdict: (verdict) => verdicts.push(verdict),
      onFailure: (detail) => failures.push(detail),
      onReturned: (_task, result) => returned.push(result),
    },
  });
});

/** CPU2 asks for a handler, under ticket 640, at place 9. */
function ask(kind: Kind, handler: { readonly index: number }, args: unknown = null, node = NODE): void {
  const body = args === null ? null : encodeBody(args);
  inboxes[2]?.push(new Message().set(kind, node, 2, handler.index, 640, 4, 9, body));
  agent.drain(100);
}

const inboxOf = (cpu: number): Inbox => inboxes[cpu - 2] as Inbox;

function arrived(cpu: number): Message | undefined {
  const message = new Message();
  return inboxOf(cpu).pull(message) ? message : undefined;
}

describe('a request', () => {
  it('is answered to the CPU that asked: a number as it is, anything else packed, nothing as nothing', () => {
    ask(Kind.request, note, { value: 42 });
    expect(arrived(2)).toMatchObject({ kind: Kind.answer, a: 2, b: 640, c: 42, d: 1, body: null });
    ask(Kind.request, note, { value: [1, 'two'] });
    expect(decodeBody(arrived(2)?.body as Uint8Array)).toEqual([1, 'two']);
    ask(Kind.request, postTwice);
    expect(arrived(2)).toMatchObject({ kind: Kind.answer, d: 0, body: null });
    expect(ran.slice(0, 2)).toEqual([42, [1, 'two']]);
  });

  it('for another node goes there as it is', () => {
    ask(Kind.request, note, { value: 1 }, 0);
    expect(passed).toMatchObject([{ kind: Kind.request, node: 0, cpu: 2, a: note.index, b: 640 }]);
    expect(ran).toEqual([]);
  });

  it('from another node is answered there', () => {
    agent.receive(new Message().set(Kind.request, NODE, 1, note.index, 128, 0, 0, encodeBody({ value: 8 })));
    expect(passed).toMatchObject([{ kind: Kind.answer, node: 0, a: 1, b: 128, c: 8, d: 1 }]);
  });

  it('knows the task and kernel stack of who asked, once the CPU has named the place', () => {
    agent.receive(new Message().set(Kind.place, NODE, 2, 9, 0, 0, 0, encodeBody('script\tinner\touter')));
    ask(Kind.request, where);
    expect(decodeBody(arrived(2)?.body as Uint8Array)).toMatchObject({
      cpu: 2,
      task: 'script',
      function: 'inner',
      stack: ['spec.where', 'inner', 'outer'],
    });
  });
});

describe('what a handler causes', () => {
  it('posts of its own run after it, those for another node go there', () => {
    ask(Kind.post, postTwice);
    expect(ran).toEqual(['itself', 'own']);
    expect(passed).toMatchObject([{ kind: Kind.post, node: 0, a: note.index }]);
    expect(agent.sent.byKind()).toMatchObject({ 'spec.note': 2 });
    expect(agent.sent.toNode).toEqual([1, 1]);
    expect(arrived(2)).toBeUndefined();
  });

  it('reaches CPUs of its node and of others', () => {
    ask(Kind.post, wake);
    expect(board.takeVectors(1)).toBe(1 << Vector.callFunction);
    expect(board.receivedCount(1)).toBe(1);
    const kinds = passed.map(({ kind, a }) => [kind, a]);
    expect(kinds).toContainEqual([Kind.thread, 0]);
    expect(agent.sent.byKind()).toMatchObject({ complete: 1, wakeThread: 1 });
  });

  it('a broken rule goes back to the CPU that asked, and ends the run if nobody waits for an answer', () => {
    ask(Kind.request, broken);
    expect(decodeBody(arrived(2)?.body as Uint8Array)).toMatchObject({ id: 'X-1' });
    expect(verdicts).toEqual([]);
    ask(Kind.post, broken);
    expect(verdicts).toMatchObject([{ id: 'X-1', steps: [{ cpu: 2 }] }]);
  });

  it('an exception is a failure that names the handler', () => {
    ask(Kind.request, throws);
    expect(failures).toEqual(['no such luck (handler spec.throws at node 1)']);
  });
});

describe('messages to CPUs', () => {
  it('wait in order for room in a full inbox, and hold up nobody else', () => {
    const answers = 100;
    for (let n = 0; n < answers; n++) ask(Kind.request, note, { value: n });
    expect(agent.hasLate).toBe(true);
    expect(agent.idle).toBe(false);
    agent.raise(0, 3, Vector.reschedule);
    expect(board.hasVectors(1)).toBe(true);
    const values: number[] = [];
    while (values.length < answers) {
      for (let message = arrived(2); message !== undefined; message = arrived(2)) values.push(message.c);
      agent.drain(100);
    }
    expect(values).toEqual(Array.from({ length: answers }, (_, n) => n));
    expect({ late: agent.hasLate, idle: agent.idle }).toEqual({ late: false, idle: true });
  });

  it('bring a system call there and its result back', () => {
    const task = { pid: 1, name: 'script' } as never;
    agent.dispatch(3, task, { name: 'getpid' } as never);
    const message = arrived(3);
    expect(message).toMatchObject({ kind: Kind.syscall, a: 3, b: NODE });
    agent.receive(new Message().set(Kind.returned, NODE, 3, 1, 0, 0, 0, encodeBody([task, 17])));
    expect(returned).toEqual([17]);
  });
});

it('handles no more at a time than it is asked to', () => {
  for (let n = 0; n < 5; n++)
    inboxes[2]?.push(new Message().set(Kind.post, NODE, 2, note.index, 0, 0, 0, encodeBody({ value: n })));
  expect([agent.drain(3), agent.drain(3), agent.drain(3)]).toEqual([3, 2, 0]);
});

describe('acknowledgements of calls from another node', () => {
  const raised = (cpu: number, vector: number = Vector.callFunction): void =>
    agent.receive(new Message().set(Kind.raise, NODE, 0, cpu, vector, 0, 0, null));
  const says = (cpu: number, kind: Kind): void =>
    agent.receive(new Message().set(kind, 0, cpu, note.index, 0, 0, 0, encodeBody({ value: cpu })));
  const complete = (): boolean => agent.acknowledgements.areComplete(0);

  it('wait for the last CPU that was interrupted', () => {
    expect(complete()).toBe(true);
    raised(2);
    raised(3);
    says(2, Kind.post);
    says(2, Kind.post);
    expect(complete()).toBe(false);
    says(3, Kind.post);
    expect(complete()).toBe(true);
    expect(passed).toHaveLength(3);
  });

  it('wait no longer when something leaves that is more than a post, or when they are given up', () => {
    raised(2);
    says(3, Kind.request);
    expect(complete()).toBe(true);
    raised(2);
    agent.acknowledgements.giveUp();
    expect(complete()).toBe(true);
  });

  it('are expected from CPUs of this node that another node has called, and from no others', () => {
    raised(2, Vector.reschedule);
    agent.raise(2, 3, Vector.callFunction);
    expect(complete()).toBe(true);
    agent.raise(0, 3, Vector.callFunctionSingle);
    expect(complete()).toBe(false);
  });
});
