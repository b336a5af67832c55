/** A small NATS broker in process. */
export {};
