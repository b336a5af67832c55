import { type KernelBuild, type NamedFunction, type Replacement, valueKind } from '@kmemlab/kernel';
import type { IdlePatch } from '@kmemlab/results';
import { policiesByPath } from './check-policies.js';

type AnyFunction = (...args: never[]) => unknown;

/** What a kernel is at one moment, so that two of them tell what a patch has changed. */
interface Moment {
  readonly policies: ReadonlyMap<string, unknown>;
  readonly interruptHandlers: KernelBuild['interruptHandlers'];
  readonly replaced: number;
}

export const momentOf = ({ policies, interruptHandlers, functions }: KernelBuild): Moment => ({
  policies: policiesByPath(policies),
  interruptHandlers: { ...interruptHandlers },
  replaced: functions.replacements.length,
});

/** What a user's patch has changed in a kernel, and whether any of it has come into play. */
export class PatchUse {
  /** Paths of the policies that it has set. */
  private readonly policies: readonly string[];
  private readonly replacements: readonly Replacement[];
  private readonly interrupts: boolean;
  private inPlay = false;

  constructor(
    readonly name: string,
    build: KernelBuild,
    before: Moment,
  ) {
    const after = momentOf(build);
    this.policies = [...after.policies.keys()].filter((path) => after.policies.get(path) !== before.policies.get(path));
    this.replacements = build.functions.replacements.slice(before.replaced);
    this.interrupts = Object.entries(after.interruptHandlers).some(
      ([vector, handler]) => handler !== before.interruptHandlers[Number(vector)],
    );
  }

  /** Why nothing that a run shows is about this patch, if that is so. */
  get idle(): IdlePatch | undefined {
    const { name, policies, replacements, interrupts, inPlay } = this;
    if (policies.length + replacements.length === 0 && !interrupts) return { name, reason: 'changes-nothing' };
    return inPlay || interrupts ? undefined : { name, reason: 'never-called' };
  }

  /** Hear of every call of what the patch has set; a policy that is a value counts as in play. The kernel is complete. */
  watch({ policies, functions }: KernelBuild): void {
    const note = (): void => {
      this.inPlay = true;
    };
    for (const path of this.policies) {
      const keys = path.split('.');
      const last = keys.pop() as string;
      const owner = keys.reduce<object>((object, key) => object[key as never], policies) as Record<string, unknown>;
      const policy = owner[last];
      if (typeof policy === 'function') owner[last] = noted(policy as AnyFunction, note);
      else note();
    }
    for (const { kind, name } of this.replacements) {
      if (kind === 'handler') functions.replaceHandler(name, (handler) => noted(handler as AnyFunction, note) as never);
      else functions.replaceFunction(kind, name, (fn) => noted(fn as AnyFunction, note) as NamedFunction);
    }
  }
}

/** The same function, of the same kind and name, which says when it is called. */
function noted(fn: AnyFunction, note: () => void): AnyFunction {
  const call = fn as (...args: unknown[]) => unknown;
  const watched =
    valueKind(fn) === 'generator function'
      ? function* (this: unknown, ...args: unknown[]) {
          note();
          return yield* call.apply(this, args) as Generator;
        }
      : function (this: unknown, ...args: unknown[]) {
          note();
          return call.apply(this, args);
        };
  return Object.defineProperty(watched, 'name', { value: fn.name });
}

/** Those that made no difference. */
export const idlePatches = (uses: readonly PatchUse[]): readonly IdlePatch[] =>
  uses.map(({ idle }) => idle).filter((idle) => idle !== undefined);
