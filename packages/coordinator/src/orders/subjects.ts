/** Services of one server share its orders: each goes to one of them. */
export const SERVICE_GROUP = 'kmemlab-coordinator';

/** Where orders arrive. */
export const SUBMIT_SUBJECT = 'kmemlab.runs.submit';

/** Where coordinator services are asked for; the question names the subject of the answers. */
export const SERVICE_QUERY_SUBJECT = 'kmemlab.runs.query';

/** Where the answers to an order go. */
export interface OrderSubjects {
  readonly progress: string;
  readonly result: string;
  readonly refused: string;
}

/** @param id of the order, one token of a subject */
export function subjectsOf(id: string): OrderSubjects {
  const run = `kmemlab.runs.${id}`;
  return { progress: `${run}.progress`, result: `${run}.result`, refused: `${run}.refused` };
}

/** A coordinator service repeats what it has last said of an order that is under way this often, ms. */
export const ORDER_REPEAT_MS = 5_000;

/** Schema of an order; the coordinator service says what is in it. */
export const ORDER_SCHEMA = 'kmemlab.order/1';
