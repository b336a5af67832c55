import { describe, expect, it } from 'vitest';
import { resolveScenario, scenarioToYaml } from './resolve.js';

const request = { experiment: 'avoid-ipis', engine: 'sim', nodes: 2, cpusPerNode: 4 } as const;

describe('isolated CPUs', () => {
  it.each([
    ['2-3,7', [2, 3, 7]],
    ['0', [0]],
    ['3,1,3', [1, 3]],
    ['0-6', [0, 1, 2, 3, 4, 5, 6]],
  ])('%s are %j', async (isolcpus, cpus) => {
    expect(await resolveScenario({ ...request, isolcpus })).toMatchObject({ isolcpus: cpus });
  });

  it.each([
    ['8', /^--isolcpus: there is no CPU 8; the machine has CPUs 0 to 7$/],
    ['0-7', /^--isolcpus: 0-7 isolates all 8 CPUs; leave at least one for other tasks$/],
    ['3-1', /^--isolcpus: "3-1" is no list of CPUs; give one such as /],
    ['all', /^--isolcpus: "all" is no list of CPUs; give one such as /],
  ])('%s are refused', async (isolcpus, message) => {
    await expect(resolveScenario({ ...request, isolcpus })).rejects.toThrow(message);
  });

  it('are none if nothing is said', async () => {
    const scenario = await resolveScenario(request);
    expect(scenario.isolcpus).toEqual([]);
    expect(scenarioToYaml(scenario)).not.toContain('isolcpus');
  });

  it('come back from a scenario file as they went in', async () => {
    const scenario = await resolveScenario({ ...request, isolcpus: '2-3,7' });
    const text = scenarioToYaml(scenario);
    expect(text).toContain('isolcpus: 2-3,7');
    expect(await resolveScenario({ experiment: 'again.yaml', scenarioText: text })).toEqual(scenario);
  });

  it('may be one number in a file, and a wrong list names the key', async () => {
    const file = (isolcpus: string) =>
      resolveScenario({ experiment: 'a.yaml', scenarioText: `experiment: avoid-ipis\nisolcpus: ${isolcpus}\n` });
    expect(await file('3')).toMatchObject({ isolcpus: [3] });
    await expect(file('9')).rejects.toThrow(/^a.yaml: isolcpus: there is no CPU 9;/);
  });
});

describe('nohz_full=', () => {
  it.each([
    ['nohz_full=0', /CPU 0 keeps the time for all others/],
    ['nohz_full=7-8', /there is no CPU 8; the machine has CPUs 0 to 7/],
  ])('%s is refused', async (config, message) => {
    await expect(resolveScenario({ ...request, config })).rejects.toThrow(message);
  });

  it('names CPUs of the machine', async () => {
    expect(await resolveScenario({ ...request, config: 'nohz_full=1-3+7' })).toMatchObject({
      config: ['slab', 'nonpreempt', 'hz=250', 'nohz_full=1-3+7'],
    });
  });
});
