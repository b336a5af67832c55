import { describe, expect, it } from 'vitest';
import { checkDeterminism } from '../run-sim.js';
import { resolveScenario, scenarioToYaml } from './resolve.js';

const experiment = 'avoid-ipis';

describe('a scenario for the live machine', () => {
  it('may say how fast its clock runs', async () => {
    const scenarioText = 'experiment: avoid-ipis\nengine: live\ntimeScale: 4\n';
    const scenario = await resolveScenario({ experiment: 'a.yaml', scenarioText });
    expect(scenario).toMatchObject({ engine: 'live', timeScale: 4 });
    const again = scenarioToYaml(scenario);
    expect(again).toContain('timeScale: 4');
    expect(await resolveScenario({ experiment: 'b.yaml', scenarioText: again })).toEqual(scenario);
  });

  it.each([
    [{ engine: 'live', strategy: 'random' }, /strategy random: the live machine schedules itself/],
    [{ config: 'slub,cgroup2' }, /avoid-ipis: it uses files of cgroup v1; leave cgroup2 out of --config/],
    [
      { experiment: 'tune-slabinfo', engine: 'live', params: { children: '14001' } },
      /--param children: 14001 is too much for the live machine; give at most 14000, or --engine sim/,
    ],
    [{ engine: 'live', timeScale: 0 }, /timeScale: 0 is not possible; give 0.001 to 1000/],
    [{ engine: 'sim', timeScale: 2 }, /timeScale 2: the deterministic machine has its own time/],
  ] as const)('%j is refused', async (request, message) => {
    await expect(resolveScenario({ experiment, ...request })).rejects.toThrow(message);
  });

  it('cannot be checked for determinism', async () => {
    await expect(checkDeterminism(await resolveScenario({ experiment, engine: 'live' }))).rejects.toThrow(
      /--check-determinism: runs of the live machine differ/,
    );
  });
});

describe('the machine', () => {
  const file = (text: string) => ({ experiment: 'a.yaml', scenarioText: `experiment: avoid-ipis\n${text}` });

  it.each([
    ['live', { experiment }],
    ['sim', { experiment, strategy: 'random' }],
    ['sim', { experiment, checkDeterminism: true }],
    ['sim', file('strategy: random\n')],
    ['live', file('timeScale: 2\n')],
    ['live', file('nodes: 1\n')],
    ['live', { ...file('engine: sim\nstrategy: random\n'), engine: 'live' }],
    ['sim', { ...file('engine: live\ntimeScale: 2\n'), engine: 'sim' }],
    ['sim', { ...file('engine: sim\n'), checkDeterminism: true }],
  ] as const)('is %s for %j', async (engine, request) => {
    expect(await resolveScenario(request)).toMatchObject({ engine });
  });

  it.each([
    file('engine: live\nstrategy: random\n'),
    file('engine: sim\ntimeScale: 2\n'),
    file('strategy: random\ntimeScale: 2\n'),
    { ...file('engine: live\n'), strategy: 'random' },
  ] as const)('is refused what belongs to the other one: %j', async (request) => {
    await expect(resolveScenario(request)).rejects.toThrow(/use --engine (sim|live)/);
  });
});

it('a scenario for the deterministic machine says nothing about the live one', async () => {
  const yaml = scenarioToYaml(await resolveScenario({ experiment, engine: 'sim' }));
  expect(yaml).toContain('strategy: time');
  expect(yaml).not.toContain('timeScale');
});
