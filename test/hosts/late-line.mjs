// A line to a TCP server on which every byte is late by so many ms, each way: late-line.mjs HOST PORT MS.
import { connect, createServer } from 'node:net';

const [, , host, port, ms] = process.argv;

/** Pass on what comes in its order, and the end behind it. */
function passOn(from, to) {
  const later = (act) => setTimeout(act, Number(ms));
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.on('close', () => later(() => to.end()));
  from.on('error', () => {});
}

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ host, port: Number(port), noDelay: true });
  passOn(client, upstream);
  passOn(upstream, client);
});
server.listen(0, host, () => console.log(`listens on ${server.address().port}`));
process.on('SIGTERM', () => process.exit(0));
