import { kernelOfCpu } from '@kmemlab/experiments/cpu-kernel';
import { runCpuWorker } from '@kmemlab/machine-live/cpu';

/** The program of each CPU's thread. */
runCpuWorker(kernelOfCpu);
