/*
 * One file for each package, from the modules that tsc wrote: a run starts a process for each node and a thread for each CPU,
 * and each loads the kernel; its 300 modules one by one take eight times as long. What a package exports below dist/bundle/ is
 * made of the module of the same name below dist/. Names of functions are kept: kernel stacks show them.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const BUNDLE = './dist/bundle/';

/** Entries of a package by their path below dist/, without extension. */
function entriesOf(folder) {
  const { exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = Object.values(exports).map((target) => target.default ?? target);
  return files.filter((file) => file.startsWith(BUNDLE)).map((file) => file.slice(BUNDLE.length).replace(/\.js$/, ''));
}

async function bundle(folder) {
  const names = entriesOf(folder);
  if (names.length === 0) return;
  const dir = join(folder, BUNDLE);
  const bundled = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, join(folder, 'dist', `${name}.js`)])),
    external: (id) => /^[^./]/.test(id),
    platform: 'node',
  });
  rmSync(dir, { recursive: true, force: true });
  await bundled.write({ dir, keepNames: true, sourcemap: true, chunkFileNames: '[name].js' });
  await bundled.close();
}

const { references } = JSON.parse(readFileSync('tsconfig.json', 'utf8'));
await Promise.all(references.map(({ path }) => bundle(path)));
