import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const run = (program: string, ...args: (string | number)[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL(program, import.meta.url)), ...args.map(String)], {
    encoding: 'utf8',
  });

/** Runs a module's program, which fails where a group of the bench does. */
const runs = (code: string) =>
  spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });

/** Every function of a group, once. */
const each = (group: string, call: string) =>
  runs(`import { ${group} } from './${group}.mjs'; for (const fn of Object.values(${call})) fn();`);

describe('the bench', () => {
  it.each([
    ['effects', 'effects(100)'],
    ['queue', 'queue(100, 100)'],
    ['codec', 'codec(10)'],
    ['machine', 'machine(1).runs'],
  ])('measures %s', (group, call) => {
    expect(each(group, call)).toMatchObject({ stderr: '', status: 0 });
  });

  it('measures PHOLD, whose events are the same in Python', () => {
    const ours = run('phold/program.mjs', 20, 2_000);
    expect(ours).toMatchObject({ stderr: '', status: 0 });
    const python = spawnSync('python3', [fileURLToPath(new URL('phold/phold.py', import.meta.url)), '20', '2000'], {
      encoding: 'utf8',
    });
    if (python.error === undefined) expect(ours.stdout.split(' ')[1]).toBe(python.stdout.split(' ')[1]);
  });

  it('measures a search', () => {
    const { stdout, stderr, status } = run('search/program.mjs', 100, 200);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    const [nsPerSchedule, eventsPerSchedule] = stdout.split(' ').map(Number);
    expect(nsPerSchedule).toBeGreaterThan(0);
    expect(eventsPerSchedule).toBeGreaterThan(100);
  });

  it('measures what the live machine takes', () => {
    const { stdout, stderr, status } = runs(`
      import { chooseBroker } from '@kmemlab/coordinator';
      import { figures } from './live.mjs';
      const broker = await chooseBroker({ env: process.env });
      for (const { name, open } of figures.filter(({ name }) => !name.startsWith('kick') || name.includes('4'))) {
        const machine = await open({ broker, pin: false });
        const { medianNs } = await machine.measure({ rounds: 20, budgetMs: 10_000 });
        await machine.close();
        if (!(medianNs > 0)) throw new Error(name + ' took ' + medianNs);
        console.log(name);
      }
      await broker.close();`);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(stdout.trim().split('\n')).toHaveLength(5);
  });

  it('says what flags there are', () => {
    expect(run('run.mjs', '--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--quick') });
    const { status, stderr } = run('run.mjs', '--quik');
    expect({ status, lines: stderr.trim().split('\n').length }).toEqual({ status: 2, lines: 1 });
  });
});
