import { monotonicAt } from '@kmemlab/coordinator';
import { runNodeExperiment } from '@kmemlab/experiments';
import { NodeMachine } from '@kmemlab/machine-live';
import type { Part, PartContext } from './types.js';

const workerEntry = new URL('./cpu-worker.js', import.meta.url);

/** This node's part of the experiment that the coordinator has sent: its copy of the script, on a machine of CPU workers. */
export async function startPart({ configure, links, control }: PartContext): Promise<Part> {
  const epoch = monotonicAt(configure.clock);
  const experiment = await runNodeExperiment({
    plan: configure.payload,
    node: configure.index,
    channel: {
      serve: (name, handler) => control.serve(name, handler),
      event: (name, payload) => control.event('coordinator', name, payload),
    },
    makeMachine: (options) => new NodeMachine({ ...options, links, workerEntry, epoch }),
  });
  // Starting many threads leaves the main thread little time: nobody may count on being heard before it is done.
  await experiment.started;
  return {
    receive: (message) => experiment.machine.receive(message),
    stop: async () => {
      experiment.stop();
      await experiment.machine.stop();
    },
  };
}
