import { createConnection } from 'node:net';
import type { Address } from './access.js';
import { BusError, inTime } from './bus-error.js';

/** Longest greeting that is waited for, characters; a server of many routes says about a thousand. */
const LONGEST = 1 << 16;

/** What a server says of itself. */
export interface Greeting {
  /** It can speak TLS, or speaks nothing else. */
  readonly tls: boolean;
}

function heardGreeting(socket: ReturnType<typeof createConnection>): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    let heard = '';
    socket.on('error', reject);
    socket.on('close', () => reject(new BusError('the connection is closed before a greeting')));
    socket.setEncoding('latin1').on('data', (text: string) => {
      heard += text;
      if (!'INFO '.startsWith(heard.slice(0, 5).toUpperCase()) || heard.length > LONGEST) {
        reject(new BusError('what listens there is no NATS server'));
      } else if (heard.includes('\n')) resolve({ tls: /"tls_(required|available)":\s*true/.test(heard) });
    });
  });
}

/**
 * Connect, see that a NATS server greets, and leave again. The client itself keeps its socket, and so the process, when
 * a server takes the connection and says nothing.
 * @throws BusError, or the system's error if there is no connection
 */
export async function awaitGreeting(
  { host, port }: Pick<Address, 'host' | 'port'>,
  timeoutMs: number,
): Promise<Greeting> {
  const socket = createConnection({ host, port });
  try {
    return await inTime(timeoutMs, 'no greeting', heardGreeting(socket));
  } finally {
    socket.removeAllListeners();
    socket.on('error', () => {});
    socket.destroy();
  }
}
