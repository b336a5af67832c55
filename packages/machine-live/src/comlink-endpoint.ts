import type { Endpoint } from 'comlink';

/** What a Worker and a MessagePort have in common. */
interface Port {
  postMessage(message: unknown, transfer?: readonly never[]): void;
  on(event: 'message', listener: (data: unknown) => void): unknown;
  off(event: 'message', listener: (data: unknown) => void): unknown;
}

type Listener = ((event: { data: unknown }) => void) | { handleEvent(event: { data: unknown }): void };

/** A worker thread's port as comlink wants it. comlink's own adapter has no types under NodeNext. */
export function comlinkEndpoint(port: Port): Endpoint {
  const listeners = new Map<unknown, (data: unknown) => void>();
  return {
    postMessage: (message: unknown) => port.postMessage(message),
    addEventListener: (_type: string, listener: Listener) => {
      const forward = (data: unknown): void => {
        const event = { data };
        if (typeof listener === 'function') listener(event);
        else listener.handleEvent(event);
      };
      listeners.set(listener, forward);
      port.on('message', forward);
    },
    removeEventListener: (_type: string, listener: Listener) => {
      const forward = listeners.get(listener);
      if (forward === undefined) return;
      listeners.delete(listener);
      port.off('message', forward);
    },
  };
}
