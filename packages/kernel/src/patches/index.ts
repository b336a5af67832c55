import type { Patch } from '../build.js';
import { avoidKickOnCreate } from './avoid-kick-on-create.js';
import { cgroupKnobs } from './cgroup-knobs.js';
import { destroyAfterGracePeriod } from './destroy-after-grace-period.js';
import { destroyOnLastObject } from './destroy-on-last-object.js';
import { explicitSlabCharging } from './explicit-slab-charging.js';
import { mutations } from './mutations/index.js';
import { noCacheReap } from './no-cache-reap.js';
import { noDestroyOnLastPage } from './no-destroy-on-last-page.js';
import { percpuRefLifecycle, percpuRefLifecycleV4 } from './percpu-ref-lifecycle.js';
import { pinUntilRelease } from './pin-until-release.js';
import { reparent2014 } from './reparent-2014.js';
import { scalableDestruction } from './scalable-destruction/index.js';

/** Every patch that a kernel specification can name. */
export const patches: readonly Patch[] = [
  avoidKickOnCreate,
  explicitSlabCharging,
  noDestroyOnLastPage,
  noCacheReap,
  pinUntilRelease,
  destroyAfterGracePeriod,
  destroyOnLastObject,
  ...scalableDestruction,
  cgroupKnobs,
  percpuRefLifecycle,
  percpuRefLifecycleV4,
  reparent2014,
  ...mutations,
];
