/** What a relay passes topics on with. */
export { topicDefaults } from '../defaults.ts'
export { FrameSender } from '../frame-sender.ts'
export { readFrames } from '../read-frames.ts'
export type { RelayShare, RemoteHubs } from './remote-hubs.ts'
export type { ReadPublication } from './retained-values.ts'
export { serveAgent } from './serve-agent.ts'
export { TopicHub } from './topic-hub.ts'
