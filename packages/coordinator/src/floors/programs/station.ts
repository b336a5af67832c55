import { type Order, Station } from '../station.js';

/** A process that measures what its parent orders, one order at a time, and ends with its parent. */
const station = new Station((reason) => process.send?.({ error: reason }, () => process.exit(1)));
process.title = 'kmemlab-floor';

const oneLine = (error: unknown) => (error instanceof Error ? error.message : String(error));

process.on('message', (order: Order) => {
  station.obey(order).then(
    (floor) => process.send?.({ floor }),
    (error: unknown) => process.send?.({ error: oneLine(error) }),
  );
});
process.on('disconnect', () => process.exit());
