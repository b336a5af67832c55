import { kernelOfPlan } from '@kmemlab/experiments';
import { runCpuWorker } from '@kmemlab/machine-live';

/** The program of each CPU's thread. */
runCpuWorker(kernelOfPlan);
