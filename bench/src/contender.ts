/** One way to carry calls, as the worker processes run it. */
export interface Contender {
  /** Starts the echo service; the address is what a client in another process needs. */
  serve(): Promise<{ address: unknown; stop(): Promise<void> }>
  connect(address: unknown): Promise<Client>
}

export interface Client {
  /** One call with 100 bytes of params that come back as the result. */
  echo(): Promise<unknown>
  stop(): Promise<void>
}

/** Bytes of params and of result. */
export const payloadBytes = 100
