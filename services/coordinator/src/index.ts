export { MOST_ORDER_BYTES, type Order } from './orders.js';
