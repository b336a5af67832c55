import { pack, unpack } from '@kmemlab/machine-live';
import type { NodeExit } from '../nodes/types.js';

/** Of the registry's messages and of the node program: both sides must agree. */
export const PROTOCOL = 2;

/** Where nodes that wait for work are asked for; the question names the subject of the answers. */
export const QUERY_SUBJECT = 'kmemlab.registry.query';
export const claimSubject = (id: string): string => `kmemlab.registry.${id}.claim`;
export const endSubject = (id: string): string => `kmemlab.registry.${id}.end`;
export const exitSubject = (run: string): string => `kmemlab.registry.exit.${run}`;
export const inboxSubject = (token: string): string => `kmemlab.registry.inbox.${token}`;

/** A node that offers itself on a server. */
export interface Registration {
  readonly id: string;
  /** What its user calls it. */
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly cores: number;
  /** Numbers of the cores on which its node process may run, with commas. */
  readonly coreList: string;
  /** The same for all that share cores, as containers of one computer do. */
  readonly machine: string;
  /** It can place a process on a core. */
  readonly pins: boolean;
  /** bytes that are free */
  readonly memory: number;
  /** Works for a run. */
  readonly busy: boolean;
}

/** A coordinator service that takes orders on a server. */
export interface Presence {
  readonly host: string;
  readonly pid: number;
  /** A run is in hand. */
  readonly running: boolean;
  /** Orders that wait. */
  readonly waiting: number;
}

/** Become this node of this run. */
export interface Claim {
  readonly run: string;
  readonly node: number;
  readonly cpusPerNode: number;
  /** Core to be placed on; -1: on any. */
  readonly core: number;
  readonly reply: string;
}

/** The process id of the node process, or why there is none. */
export type ClaimAnswer =
  | { readonly id: string; readonly pid: number }
  | { readonly id: string; readonly refused: string };

/** End the node process of a run. */
export interface EndOrder {
  readonly run: string;
  readonly kill: boolean;
}

/** A run's node process has ended. */
export interface ExitReport extends NodeExit {
  readonly node: number;
}

/** A registry message as bytes. */
export const encode = (message: object): Uint8Array => pack([PROTOCOL, message]);

/** The fields of a registry message; undefined if it is none, or of another version. */
function decode(data: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  let fields: unknown;
  try {
    fields = unpack(data);
  } catch {
    return undefined;
  }
  if (!Array.isArray(fields) || fields.length !== 2 || fields[0] !== PROTOCOL) return undefined;
  const body: unknown = fields[1];
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
}

type Kind = 'string' | 'number' | 'boolean';
type Typed<T> = { readonly [K in keyof T]: Kind };

/** A decoder that lets through what has these fields, of these types. */
const decoder =
  <T>(fields: Typed<T>) =>
  (data: Uint8Array): T | undefined => {
    const body = decode(data);
    const fits = Object.entries(fields).every(([key, kind]) => typeof body?.[key] === kind);
    return body !== undefined && fits ? (body as T) : undefined;
  };

export const decodeQuery = decoder<{ readonly reply: string }>({ reply: 'string' });
export const decodeRegistration = decoder<Registration>({
  id: 'string',
  name: 'string',
  host: 'string',
  pid: 'number',
  cores: 'number',
  coreList: 'string',
  machine: 'string',
  pins: 'boolean',
  memory: 'number',
  busy: 'boolean',
});
export const decodePresence = decoder<Presence>({
  host: 'string',
  pid: 'number',
  running: 'boolean',
  waiting: 'number',
});
export const decodeClaim = decoder<Claim>({
  run: 'string',
  node: 'number',
  cpusPerNode: 'number',
  core: 'number',
  reply: 'string',
});
export const decodeEnd = decoder<EndOrder>({ run: 'string', kill: 'boolean' });

const decodeAccepted = decoder<{ id: string; pid: number }>({ id: 'string', pid: 'number' });
const decodeRefused = decoder<{ id: string; refused: string }>({ id: 'string', refused: 'string' });
export const decodeClaimAnswer = (data: Uint8Array): ClaimAnswer | undefined =>
  decodeAccepted(data) ?? decodeRefused(data);

export function decodeExit(data: Uint8Array): ExitReport | undefined {
  const body = decode(data);
  if (body === undefined || typeof body.node !== 'number') return undefined;
  return {
    node: body.node,
    code: typeof body.code === 'number' ? body.code : null,
    signal: typeof body.signal === 'string' ? body.signal : null,
    lastLine: typeof body.lastLine === 'string' ? body.lastLine : '',
  };
}
