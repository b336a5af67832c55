import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runs, survivors } from '../fixtures/processes.js';

const program = fileURLToPath(new URL('../fixtures/run.mjs', import.meta.url));

interface Started {
  readonly broker: number | null;
  readonly nodes: readonly number[];
}

describe.each(['nats-server', 'embedded'])('a coordinator with the broker %s', (kind) => {
  it.each(['SIGKILL', 'SIGTERM', 'SIGHUP'] as const)('that is ended by %s leaves no process', async (signal) => {
    const child = spawn(process.execPath, [program], {
      env: { ...process.env, KMEMLAB_BROKER: kind },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { broker, nodes } = JSON.parse(line.toString()) as Started;
    const processes = [...nodes, ...(broker === null ? [] : [broker])];
    expect(processes.filter(runs)).toEqual(processes);
    expect(broker === null).toBe(kind === 'embedded');
    child.kill(signal);
    expect(await survivors(processes)).toEqual([]);
  });
});
