import type { Coroutine, Handle } from '@kmemlab/machine';
import { call } from '@kmemlab/machine';
import type { Cpu } from '../cpu.js';
import { defineRefClass, percpuRefGet, percpuRefPut, percpuRefTrygetLive } from '../percpu-ref/percpu-ref.js';
import { CssField } from '../published-state.js';

/** The reference count that every css embeds. */
export const cssRefs = defineRefClass({
  owner: 'css',
  shared: (node, css, step) => node.csses.get(css, step).ref,
  table: (published) => published.csses,
  modeField: CssField.refMode,
  release: 'css_release',
  confirm: 'css_killed_ref_fn',
});

/** css_get_many: the caller holds a reference already. Any context. */
export function* cssGet(cpu: Cpu, css: Handle, n = 1): Coroutine<void> {
  yield* call(percpuRefGet, cpu, cssRefs, css, n);
}

/** css_put_many; the last put of a killed css releases it. Any context. */
export function* cssPut(cpu: Cpu, css: Handle, n = 1): Coroutine<void> {
  yield* call(percpuRefPut, cpu, cssRefs, css, n);
}

/** css_tryget_online: fails once the kill of the css is visible here. */
export function* cssTrygetOnline(cpu: Cpu, css: Handle): Coroutine<boolean> {
  return yield* call(percpuRefTrygetLive, cpu, cssRefs, css);
}
