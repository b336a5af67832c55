import { ORDER_SCHEMA } from '@kmemlab/coordinator';
import type { RunRequest } from '@kmemlab/experiments';
import { oneLine } from '@kmemlab/results';
import { z } from 'zod';

/** Largest order that is read, bytes: what a NATS server takes by default. */
export const MOST_ORDER_BYTES = 1024 * 1024;

const MOST_PATCH_FILES = 16;
const MOST_PARAMS = 64;

const id = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'give 1 to 64 letters, digits and -');
/** Goes into messages and into a comment of the scenario's file. */
const line = z.string().regex(/^\P{Cc}{1,1000}$/u, 'give one line of 1 to 1000 characters');
const params = z
  .record(line, z.string().max(1000))
  .refine((given) => Object.keys(given).length <= MOST_PARAMS, `give at most ${MOST_PARAMS}`);

const request: z.ZodType<RunRequest> = z.strictObject({
  experiment: line,
  kernel: z.exactOptional(line),
  patchFiles: z.exactOptional(z.array(z.strictObject({ path: line, text: z.string() })).max(MOST_PATCH_FILES)),
  config: z.exactOptional(line),
  engine: z.exactOptional(z.enum(['sim', 'live'])),
  nodes: z.exactOptional(z.int().min(1)),
  cpusPerNode: z.exactOptional(z.int().min(1)),
  isolcpus: z.exactOptional(line),
  strategy: z.exactOptional(z.enum(['time', 'random'])),
  checkDeterminism: z.exactOptional(z.boolean()),
  timeScale: z.exactOptional(z.number()),
  seed: z.exactOptional(z.int().min(0).max(0xffffffff)),
  params: z.exactOptional(params),
  scenarioText: z.exactOptional(z.string()),
});

const orderSchema = z.strictObject({ schema: z.literal(ORDER_SCHEMA), id, request });

/** A run that somebody wants. */
export interface Order {
  /** Chosen by the sender; names the subjects of the answers. */
  readonly id: string;
  readonly request: RunRequest;
}

/** What arrived is no order. */
export interface NoOrder {
  /** Undefined if not even the id can be read, so that nobody can be answered. */
  readonly id: string | undefined;
  /** One sentence. */
  readonly reason: string;
}

/** Read an order as it arrives: one JSON document, of which nothing is used before all of it is checked. */
export function readOrder(data: Uint8Array): Order | NoOrder {
  if (data.length > MOST_ORDER_BYTES) {
    return { id: undefined, reason: `the order has ${data.length} bytes; at most ${MOST_ORDER_BYTES} are read` };
  }
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch (error) {
    return { id: undefined, reason: `the order is not JSON (${oneLine(error)})` };
  }
  const parsed = orderSchema.safeParse(document);
  if (parsed.success) return { id: parsed.data.id, request: parsed.data.request };
  const known = z.looseObject({ id }).safeParse(document);
  return { id: known.success ? known.data.id : undefined, reason: reasonOf(parsed.error.issues[0]) };
}

function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  const where = issue?.path.join('.') || 'the document';
  return oneLine(`the order is not valid: ${where}: ${issue?.message ?? 'not an order'}`).slice(0, 500);
}
