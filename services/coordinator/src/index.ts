import { fileURLToPath } from 'node:url';

export { MOST_ORDER_BYTES, ORDER_SCHEMA, type Order } from './orders.js';
export { SUBMIT_SUBJECT, subjectsOf } from './subjects.js';

/** Path of the program that takes run orders. */
export const coordinatorProgram: string = fileURLToPath(new URL('./main.js', import.meta.url));
