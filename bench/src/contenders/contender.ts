/** One way to carry calls, as the worker processes run it. */
export interface Contender {
  /** Starts the echo service; the address is what a client in another process needs. */
  serve(): Promise<{ address: unknown; stop(): Promise<void> }>
  connect(address: unknown): Promise<Client>
}

/** What is called. Each gives its params back. */
export interface Client {
  /** 100 bytes. */
  echo(): Promise<unknown>
  /** 100 bytes, with schemas of params and result checked at both ends. */
  typed?(): Promise<unknown>
  /** An object that takes 10 KB as JSON. */
  objects?(): Promise<unknown>
  /** Bytes one way; resolves when the receiver has confirmed them. */
  transfer?(bytes: number): Promise<void>
  stop(): Promise<void>
}

export type CallName = Exclude<keyof Client, 'stop' | 'transfer'>

/** Bytes of params and of result. */
export const payloadBytes = 100

/** `payloadBytes` as JSON: kinder to contenders that speak JSON than a Buffer. */
export const smallParams = { data: 'x'.repeat(payloadBytes - '{"data":""}'.length) }

const reading = (number: number) => ({
  id: `sensor-${number}`,
  at: '2026-01-01T00:00:00.000Z',
  value: number / 8,
  unit: 'celsius',
  ok: number % 7 !== 0,
  tags: ['edge', 'hall'],
})

/** Some 10 KB as JSON: what a list of records looks like. */
export const objectParams = { readings: Array.from({ length: 88 }, (_, number) => reading(number)) }
