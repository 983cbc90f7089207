/** The peer to dial, and how: what the rooms above know of it. */
export interface RelayTarget {
  peerId: string
  /** Without peer id. */
  addrs: readonly string[]
}

export interface DialTarget {
  peerId: string
  /** For messages. @default the peer id */
  name?: string
  /** Direct addresses, as its record lists them. */
  addrs: readonly string[]
  /** Its relays, home first. */
  relays: readonly RelayTarget[]
  /** A dial that knows no way waits so long for the first, ms. @default 0 */
  awaitWayMs?: number
}

export interface ConnectOptions {
  signal?: AbortSignal
  /** Milliseconds of `performance.now()`. @default 10 s from now */
  deadline?: number
  /** `relay`: neither uses nor opens a direct link. @default 'any' */
  paths?: 'any' | 'relay'
  /** Opens another link when the relay of the existing one leaves. @default false */
  lasting?: boolean
  /** No call waits for the link: dials of others go first where the process has many to do. @default false */
  upkeep?: boolean
}
