export { type EmbeddedBroker, startEmbeddedBroker } from './broker.js';
export { BrokerListenError } from './errors.js';
export type { EmbeddedBrokerOptions } from './settings.js';
