import { type Coroutine, call, type Handle, homeOf, request } from '@kmemlab/machine';
import { cssGet, cssPut } from '../../cgroup/css-ref.js';
import type { Cpu } from '../../cpu.js';
import { rcuReadLock, rcuReadUnlock } from '../../rcu/read.js';
import { definePoint, preemptionPoint } from '../../sched/preemption-point.js';
import { Trace } from '../../tracepoints.js';
import { PAGE_SIZE } from '../page.js';
import { addChargedBytes, objCgroupGet, objCgroupMemcg, objCgroupPut, takeChargedBytes } from './obj-cgroup.js';
import { chargeKmem, drainPages, unchargeKmem } from './page-stock.js';

/** Between reading the memcg of an obj_cgroup and taking a reference on it; RCU keeps the memory, nothing the count (V6-b). */
export const READ_OBJCG_MEMCG = definePoint('obj_cgroup_charge:read-memcg');

/** drain_obj_stock (5.9): whole pages go back to the memcg as it is now, the rest to nr_charged_bytes. Interrupts off. */
export function* drainObjStock(cpu: Cpu): Coroutine<void> {
  const { objcg, bytes } = cpu.stock;
  if (objcg === 0) return;
  cpu.counters.add('drain_obj_stock');
  const pages = Math.floor(bytes / PAGE_SIZE);
  if (pages > 0) {
    rcuReadLock(cpu);
    yield* call(unchargeKmem, cpu, objCgroupMemcg(cpu, objcg), pages);
    rcuReadUnlock(cpu);
    cpu.trace(Trace.objcgCharge, objcg, -pages, 0, 0);
  }
  if (bytes % PAGE_SIZE > 0) {
    yield* request(homeOf(objcg), addChargedBytes, { objcg, bytes: bytes % PAGE_SIZE }, objcg);
  }
  cpu.stock.bytes = 0;
  yield* call(objCgroupPut, cpu, objcg);
  cpu.stock.objcg = 0;
}

/** refill_obj_stock (5.9): bytes that are charged to the obj_cgroup come into this CPU's stock; obj_cgroup_uncharge is the same. */
export function* refillObjStock(cpu: Cpu, objcg: Handle, bytes: number): Coroutine<void> {
  const saved = cpu.irqSave();
  const { stock } = cpu;
  if (stock.objcg !== objcg) {
    yield* call(drainObjStock, cpu);
    yield* call(objCgroupGet, cpu, objcg);
    stock.objcg = objcg;
    stock.bytes = yield* request(homeOf(objcg), takeChargedBytes, { objcg }, objcg);
  }
  stock.bytes += bytes;
  if (stock.bytes > PAGE_SIZE) yield* call(drainObjStock, cpu);
  cpu.irqRestore(saved);
}

/** consume_obj_stock (5.9). */
function consumeObjStock({ stock }: Cpu, objcg: Handle, bytes: number): boolean {
  if (stock.objcg !== objcg || stock.bytes < bytes) return false;
  stock.bytes -= bytes;
  return true;
}

/**
 * obj_cgroup_charge (5.9): from this CPU's stock, else as many pages as the bytes need, of which the stock gets the rest.
 * nr_charged_bytes is not looked at. The caller holds a reference on the obj_cgroup. False if a limit forbids it.
 */
export function* objCgroupCharge(cpu: Cpu, objcg: Handle, bytes: number): Coroutine<boolean> {
  if (consumeObjStock(cpu, objcg, bytes)) return true;
  rcuReadLock(cpu);
  const memcg = objCgroupMemcg(cpu, objcg);
  if (cpu.instrumented) {
    const changed = (): boolean => objCgroupMemcg(cpu, objcg) !== memcg;
    const gone = (): boolean => !cpu.published.csses.isCurrent(memcg);
    yield* call(preemptionPoint, cpu, READ_OBJCG_MEMCG, 0, { changed, gone });
  }
  yield* call(cssGet, cpu, memcg);
  rcuReadUnlock(cpu);
  const pages = Math.ceil(bytes / PAGE_SIZE);
  const charged = yield* call(chargeKmem, cpu, memcg, pages);
  if (charged) {
    cpu.trace(Trace.objcgCharge, objcg, pages, 0, 0);
    if (bytes % PAGE_SIZE > 0) yield* call(refillObjStock, cpu, objcg, PAGE_SIZE - (bytes % PAGE_SIZE));
  }
  yield* call(cssPut, cpu, memcg);
  return charged;
}

/** drain_local_stock (5.9): both parts, with interrupts off. */
export function* drainLocalObjStock(cpu: Cpu): Coroutine<void> {
  const saved = cpu.irqSave();
  yield* call(drainObjStock, cpu);
  yield* call(drainPages, cpu);
  cpu.irqRestore(saved);
}
