// PHOLD on the parts of the deterministic machine: usage program.mjs ACTORS EVENTS. Prints ns of CPU time per event, that of
// the collector's and the compiler's threads included, and the checksum.
import { Phold } from './actors.mjs';

/** Events before the code is compiled as far as it gets. */
const WARM_UP = 1_500_000;

const [actors, events] = process.argv.slice(2).map(Number);
const phold = new Phold(actors);
new Phold(actors).run(WARM_UP);
const begin = process.cpuUsage();
phold.run(events);
const { user, system } = process.cpuUsage(begin);
console.log(`${(1000 * (user + system)) / events} ${phold.checksum >>> 0}`);
