import { readFileSync } from 'node:fs';
import { BusError } from './bus-error.js';

/** How a client proves itself to a NATS server, and the server to the client. All absent if neither needs to. */
export interface Credentials {
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly pass?: string | undefined;
  /** Path of a file with a JWT and its seed, as `nsc` writes them. */
  readonly credsFile?: string | undefined;
  /** Path of a file with the seed of an nkey. */
  readonly nkeyFile?: string | undefined;
  /** Path of the certificates, PEM, of whoever signs the server's; the system's if absent. */
  readonly caFile?: string | undefined;
}

/** Where a server listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** Speak TLS, and with nobody who does not. */
  readonly tls: boolean;
}

const NATS_PORT = 4222;

/** @throws BusError unless the URL is `nats://host[:port]` or `tls://host[:port]` */
export function addressOf(url: string): Address {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['nats:', 'tls:'].includes(parsed.protocol) || parsed.hostname === '') {
    const given = url.replace(/\/\/.*@/, '//');
    throw new BusError(`a server is given as nats://host:port or tls://host:port, not "${given}"`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new BusError(`${parsed.protocol}//${parsed.host}: credentials do not belong into the URL`);
  }
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  return { host, port: parsed.port === '' ? NATS_PORT : Number(parsed.port), tls: parsed.protocol === 'tls:' };
}

/** What a file of the credentials holds. @throws BusError, one line that names the file */
export function readCredential(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    throw new BusError(`the file with ${what}, ${path}, cannot be read (${code})`, { cause });
  }
}

/** What the server did not accept, for people. */
export function whatWasShown({ token, user, credsFile, nkeyFile }: Credentials): string | undefined {
  if (credsFile !== undefined) return `the credentials in ${credsFile}`;
  if (nkeyFile !== undefined) return `the nkey in ${nkeyFile}`;
  if (user !== undefined) return 'the user and password';
  return token === undefined ? undefined : 'the token';
}
