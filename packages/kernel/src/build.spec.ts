import { expect, it } from 'vitest';
import { defaultConfig, KernelBuild, type KernelVersion, type Patch } from './build.js';
import { versions } from './versions/index.js';

function spoil(policies: object): void {
  for (const value of Object.values(policies)) if (value?.constructor === Object) spoil(value);
  Object.assign(policies, { spoiled: true });
}

const spoilAll: Patch = { name: 'spoil-all', summary: 's', apply: ({ policies }) => spoil(policies) };

it.each(versions.map((version): [string, KernelVersion] => [version.name, version]))(
  'the policies of %s are not changed by patches of another kernel',
  (_, version) => {
    const built = (...patches: Patch[]) => JSON.stringify(new KernelBuild(version, patches, defaultConfig).policies);
    const untouched = built();
    expect(built(spoilAll)).not.toBe(untouched);
    expect(built()).toBe(untouched);
  },
);
