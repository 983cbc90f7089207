/** How many bytes a sender may hand over: what bounds the bytes that are on their way. */
export interface ByteGate {
  /** How many of `bytes` may be sent now; 0: none. */
  room(bytes: number): number
  /** So many bytes were handed over. */
  sent(bytes: number): void
  /** Calls back, once, when there may be room. Callbacks take turns. */
  whenRoom(callback: () => void): void
}
