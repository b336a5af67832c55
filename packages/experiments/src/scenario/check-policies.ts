import { mayReplace, policyWords, valueKind } from '@kmemlab/kernel';
import { suggestion } from '@kmemlab/results';
import { InputError } from '../api.js';

const words: Readonly<Record<string, readonly string[]>> = policyWords;

/** All policies, by their paths. */
export function policiesByPath(policies: object, path = ''): Map<string, unknown> {
  const all = new Map<string, unknown>();
  for (const [name, value] of Object.entries(policies)) {
    const at = `${path}${name}`;
    const nested = value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
    if (!nested) all.set(at, value);
    else for (const [inner, policy] of policiesByPath(value, `${at}.`)) all.set(inner, policy);
  }
  return all;
}

/** @throws InputError if a patch has made a policy that nothing looks at, or made one into what it cannot be */
export function checkPolicies(
  where: string,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
): void {
  for (const [path, value] of after) {
    if (before.has(path)) checkPolicy(`${where}: policies.${path}`, words[path], before.get(path), value);
    else {
      const paths = [...before.keys()].map((known) => `policies.${known}`);
      throw new InputError(`${where}: there is no policies.${path}; ${suggestion(`policies.${path}`, paths)}`);
    }
  }
}

function checkPolicy(where: string, allowed: readonly string[] | undefined, before: unknown, after: unknown): void {
  const kind = valueKind(after);
  const was = valueKind(before);
  if (!mayReplace(kind, was) && kind !== 'null' && was !== 'null') {
    throw new InputError(
      `${where} becomes a ${kind}; make it a ${was}${was === 'generator function' ? ' (function*)' : ''}`,
    );
  }
  if (kind.startsWith('async')) throw new InputError(`${where} becomes an ${kind}; kernel code is not asynchronous`);
  if (typeof after === 'string' && allowed?.includes(after) === false) {
    throw new InputError(`${where} becomes ${JSON.stringify(after)}; ${suggestion(after, allowed)}`);
  }
}
