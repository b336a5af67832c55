import { availableParallelism } from 'node:os';
import { NodeStatus, readNodeEnvironment } from '@kmemlab/coordinator';
import { connectBus } from '@kmemlab/machine-live';
import { NodeProcess } from './node-process.js';
import { startPart } from './part.js';
import { startSentinel } from './sentinel.js';

process.title = 'kmemlab-node';
// Ctrl-C reaches the whole process group; the coordinator decides when a node stops.
process.on('SIGINT', () => {});
startSentinel();

function giveUp(error: unknown): never {
  process.stderr.write(`kmemlab-node: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(NodeStatus.failed);
}

async function start(): Promise<NodeProcess> {
  const { run, node, ...server } = readNodeEnvironment(process.env);
  const bus = await connectBus({ ...server, name: `kmemlab-node-${node}` });
  return new NodeProcess({
    bus,
    run,
    node,
    pid: process.pid,
    cores: availableParallelism(),
    startPart,
    onEnd: (status) => process.exit(status),
    onStuck: () => process.kill(process.pid, 'SIGKILL'),
  });
}

const node = await start().catch(giveUp);

function failInternally(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`kmemlab-node: ${text}\n`);
  node.fail({ kind: 'internal', detail: error instanceof Error ? error.message : text });
}
process.on('uncaughtException', failInternally);
process.on('unhandledRejection', failInternally);
process.on('SIGTERM', () => node.end(NodeStatus.stopped));
await node.hello().catch(giveUp);
