import type { Scale } from './scale.js';
import { dashOf, seriesClass } from './style.js';
import { coordinate, element } from './svg.js';
import type { Value } from './types.js';

/** Outlines of markers around 0,0, in the order in which series get them. */
const SHAPES = [
  'M-4 0A4 4 0 1 1 4 0A4 4 0 1 1 -4 0Z',
  'M-3.6 -3.6H3.6V3.6H-3.6Z',
  'M0 -4.8L4.6 3.6H-4.6Z',
  'M0 4.8L4.6 -3.6H-4.6Z',
  'M-1.4 -4.5H1.4V-1.4H4.5V1.4H1.4V4.5H-1.4V1.4H-4.5V-1.4H-1.4Z',
  'M0 -5L2 -1.5L5 0L2 1.5L0 5L-2 1.5L-5 0L-2 -1.5Z',
];

const DIAMOND = 'M0 -5.5L5.5 0L0 5.5L-5.5 0Z';

/** How the marks of a series look. */
export interface Look {
  /** Class of the group around them. */
  readonly group: string;
  readonly shape: string;
  readonly dash: string;
  readonly hollow: boolean;
}

/** The looks of all series of a chart. References share one; colours and shapes repeat after six others, never both at once before 36. */
export function looksOf(series: readonly { readonly reference?: boolean }[]): Look[] {
  let own = 0;
  return series.map(({ reference }) => {
    if (reference === true) return { group: 'kc-reference', shape: DIAMOND, dash: 'none', hollow: true };
    const index = own++;
    const shape = SHAPES[(index + Math.floor(index / SHAPES.length)) % SHAPES.length] as string;
    return { group: seriesClass(index), shape, dash: dashOf(index), hollow: false };
  });
}

export const marker = ({ shape, hollow }: Look, x: number, y: number): string =>
  element('path', {
    ...(hollow && { class: 'kc-hollow' }),
    d: shape,
    transform: `translate(${coordinate(x)} ${coordinate(y)})`,
  });

/** The range of a value as a bar with ends; nothing if it has none. */
export function errorBar({ y, low = y, high = y }: Value, x: number, scale: Scale): string {
  if (low === high) return '';
  const [bottom, top] = [coordinate(scale.at(low)), coordinate(scale.at(high))];
  const [left, middle, right] = [x - 4, x, x + 4].map(coordinate);
  const d = `M${left} ${bottom}H${right}M${middle} ${bottom}V${top}M${left} ${top}H${right}`;
  return element('path', { class: 'kc-error', d });
}

export const line = (places: readonly (readonly [x: number, y: number])[], dash: string): string =>
  element('path', {
    class: 'kc-line',
    ...(dash !== 'none' && { 'stroke-dasharray': dash }),
    d: places.map(([x, y], n) => `${n === 0 ? 'M' : 'L'}${coordinate(x)} ${coordinate(y)}`).join(''),
  });
