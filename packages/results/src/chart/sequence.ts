import { chartDocument, WIDTH } from './frame.js';
import { seriesClass } from './style.js';
import { element, shortened, text } from './svg.js';
import { ChartError, type SequenceDiagram } from './types.js';

const LEFT = 120;
const RIGHT = WIDTH - 24;
const TOP = 84;
const ROW = 24;
const BOX = 20;
const SIZE = 11;

/** Colours of what stands out: a stall like the fifth series, a conflict like the second; their text says it, too. */
const MARKS = { step: '', stall: '~ ', conflict: '✗ ' } as const;
const CLASSES = { step: 'kc-box', stall: seriesClass(4), conflict: seriesClass(1) } as const;

/**
 * A sequence diagram as SVG text: one column per actor, time downwards, one row for each event. Stalls and conflicts have
 * a mark in their text and another colour. The same diagram gives the same text.
 * @throws ChartError if an event names an actor that there is none of
 */
export function sequenceDiagram({ title, description, actors, events }: SequenceDiagram): string {
  const column = (RIGHT - LEFT) / Math.max(1, actors.length);
  const bottom = TOP + events.length * ROW;
  const lanes = actors.map((actor, n) => {
    const x = LEFT + (n + 0.5) * column;
    const lane = element('line', { class: 'kc-lane', x1: x, y1: TOP - 12, x2: x, y2: bottom });
    const head = { class: 'kc-ink', x, y: TOP - 20, 'font-size': 13, 'font-weight': 'bold', 'text-anchor': 'middle' };
    return lane + text(head, shortened(actor, 13, column));
  });
  const rows = events.map(({ actor, time, text: what, kind }, n) => {
    if (actors[actor] === undefined)
      throw new ChartError(title, `event ${n + 1} is of actor ${actor}, who has no column`);
    const y = TOP + n * ROW;
    const width = column - 8;
    const x = LEFT + actor * column + 4;
    const clock = { class: 'kc-quiet', x: LEFT - 12, y: y + 15, 'font-size': SIZE, 'text-anchor': 'end' };
    const box = { x, y: y + 2, width, height: BOX, rx: 3, ...(kind !== 'step' && { 'fill-opacity': 0.25 }) };
    const label = { class: 'kc-ink', x: x + 6, y: y + 16, 'font-size': SIZE };
    return (
      text(clock, time) +
      element('rect', { class: CLASSES[kind], ...box }) +
      text(label, shortened(MARKS[kind] + what, SIZE, width - 8))
    );
  });
  return chartDocument(title, description, [...lanes, ...rows], bottom + 24);
}
