import type { Credentials } from '@kmemlab/machine-live';

export type { Credentials };

export type BrokerKind = 'given' | 'nats-server' | 'embedded';

/** The credentials alone, those that there are. */
export function credentialsOf({ token, user, pass, credsFile, nkeyFile, caFile }: Credentials): Credentials {
  const all = { token, user, pass, credsFile, nkeyFile, caFile };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** A NATS server that a run may use. */
export interface Broker extends Credentials {
  readonly kind: BrokerKind;
  /** Without credentials. */
  readonly url: string;
  /** One line for people: which server, and where. */
  readonly describe: string;
  /** Of the server, if it is a process that we started. */
  readonly pid?: number;
  /** End it, if it is ours; takes no longer than a few seconds. May be called again. */
  close(): Promise<void>;
}

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;
