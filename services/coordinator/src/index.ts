import { fileURLToPath } from 'node:url';

export { MOST_ORDER_BYTES, type Order } from './orders.js';

/** Path of the program that takes run orders. */
export const coordinatorProgram: string = fileURLToPath(new URL('./main.js', import.meta.url));
