/*
 * One file for each package, from the modules that tsc wrote: a run starts a process for each node and a thread for each CPU,
 * and each loads the kernel; its 300 modules one by one take eight times as long. What a package exports below dist/bundle/ is
 * made of the module of the same name below dist/. Names of functions are kept: kernel stacks show them. `yield* request(…)` and the
 * like become `yield request(…)`: only the types need the iterator, and an eighth of a search's time went into it.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { Visitor } from 'rolldown/utils';
import * as effects from './packages/machine/dist/effects.js';

const BUNDLE = './dist/bundle/';

/** Entries of a package by their path below dist/, without extension. */
function entriesOf(folder) {
  const { exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = Object.values(exports).map((target) => target.default ?? target);
  return files.filter((file) => file.startsWith(BUNDLE)).map((file) => file.slice(BUNDLE.length).replace(/\.js$/, ''));
}

/** Takes the asterisk away where an effect is yielded; everything else stays in its column. */
const yieldEffects = {
  name: 'yield-effects',
  transform(code) {
    const asterisks = [];
    const effectNames = new Set();
    new Visitor({
      ImportDeclaration({ source, specifiers }) {
        if (source.value !== '@kmemlab/machine') return;
        for (const { imported, local } of specifiers) if (imported?.name in effects) effectNames.add(local.name);
      },
      YieldExpression({ delegate, argument, start }) {
        if (delegate && effectNames.has(argument.callee?.name)) asterisks.push(code.indexOf('*', start));
      },
    }).visit(this.parse(code));
    return { code: asterisks.reduce((text, at) => `${text.slice(0, at)} ${text.slice(at + 1)}`, code), map: null };
  },
};

async function bundle(folder) {
  const names = entriesOf(folder);
  if (names.length === 0) return;
  const dir = join(folder, BUNDLE);
  const bundled = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, join(folder, 'dist', `${name}.js`)])),
    external: (id) => /^[^./]/.test(id),
    platform: 'node',
    plugins: [yieldEffects],
  });
  rmSync(dir, { recursive: true, force: true });
  await bundled.write({ dir, keepNames: true, sourcemap: true, chunkFileNames: '[name].js' });
  await bundled.close();
}

const { references } = JSON.parse(readFileSync('tsconfig.json', 'utf8'));
await Promise.all(references.map(({ path }) => bundle(path)));
