/** Wall-clock time as a port: unix milliseconds, which documents expire by. Injected so that expiry can be tested. */
export interface WallClock {
  now(): number
}
