/** The relay: what the command and tests import. */
export { createRelay, type Relay, type RelayOptions } from './runtime/relay.ts'
