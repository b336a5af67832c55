import { expect, it } from 'vitest';
import { checkDeterminism } from './run-sim.js';
import { resolveScenario } from './scenario/resolve.js';

it('does not judge determinism if the second run is interrupted', async () => {
  const scenario = await resolveScenario({ experiment: 'avoid-ipis', engine: 'sim', params: { loops: '300' } });
  const interruption = new AbortController();
  let firstIsOver = false;
  const { same, result } = await checkDeterminism(scenario, {
    signal: interruption.signal,
    onPartial: ({ phases }) => {
      firstIsOver = 'rootCache' in phases;
    },
    onProgress: () => {
      if (firstIsOver) interruption.abort();
    },
  });
  expect({ same, ...result }).toMatchObject({ same: true, outcome: 'incomplete', failure: { kind: 'interrupted' } });
});
