const BITS = 14;
const REGISTERS = 1 << BITS;

/**
 * HyperLogLog (Flajolet et al. 2007): about how many different things were seen, to within a percent, in 16 KiB. The union
 * of two sketches is that of what they saw, in whatever order.
 */
export class Sketch {
  constructor(readonly registers: Uint8Array = new Uint8Array(REGISTERS)) {}

  /** @param low, high two independent hashes of a thing, 32 bits each */
  add(low: number, high: number): void {
    const index = low & (REGISTERS - 1);
    const rank = Math.clz32(high) + 1;
    if (rank > (this.registers[index] as number)) this.registers[index] = rank;
  }

  merge(other: Uint8Array): void {
    for (let i = 0; i < REGISTERS; i++) {
      if ((other[i] as number) > (this.registers[i] as number)) this.registers[i] = other[i] as number;
    }
  }

  /** Few things are counted by the registers that are still empty. */
  get count(): number {
    let sum = 0;
    let empty = 0;
    for (const rank of this.registers) {
      sum += 1 / 2 ** rank;
      if (rank === 0) empty++;
    }
    const estimate = (0.7213 / (1 + 1.079 / REGISTERS)) * (REGISTERS / sum) * REGISTERS;
    const few = estimate <= 2.5 * REGISTERS && empty > 0;
    return Math.round(few ? REGISTERS * naturalLog(REGISTERS / empty) : estimate);
  }
}

/** Built from sums and products only, so that it is the same on every computer. */
function naturalLog(x: number): number {
  let halvings = 0;
  let rest = x;
  for (; rest > 1.5; rest /= 2) halvings++;
  const y = (rest - 1) / (rest + 1);
  let sum = 0;
  let power = y;
  for (let n = 1; n < 40; n += 2) {
    sum += power / n;
    power *= y * y;
  }
  return halvings * Math.LN2 + 2 * sum;
}
