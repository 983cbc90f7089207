/** The hub's end of the stream of an agent: its subscriptions, what it publishes, at the pace that a member may. */
import {
  readPublication,
  toMeshError,
  type MeshError,
  type Subject,
  type TopicFrame,
} from '@agent-mesh/protocol'
import type { ByteStream } from '../../core/byte-stream.ts'
import { topicDefaults } from '../defaults.ts'
import { FrameSender } from '../frame-sender.ts'
import { readFrames } from '../read-frames.ts'
import { PublishingPace } from './publishing-pace.ts'
import { Subscriber } from './subscriber.ts'
import type { TopicHub } from './topic-hub.ts'

/** The member at the other end. */
export interface StreamPeer {
  readonly peerId: string
  readonly credential: Subject
}

export interface ServeAgentInit {
  hub: TopicHub
  stream: ByteStream
  peer: StreamPeer
  /** A frame that only a relay sends. @throws MeshError */
  onRelayFrame?: (frame: TopicFrame, bodies: Uint8Array, sender: FrameSender) => void | Promise<void>
  /** Something that the peer sent was refused. */
  onRefused: (error: MeshError) => void
}

export function serveAgent(init: ServeAgentInit): void {
  const { hub, stream, peer } = init
  const sender = new FrameSender(stream, () => roomOfOne(hub.size))
  const subscriber = new Subscriber({ peerId: peer.peerId, subject: () => peer.credential, sink: sender })
  const pace = new PublishingPace(stream)
  const refuse = (thrown: unknown, of: { id?: number; seq?: number }) => {
    const error = toMeshError(thrown, 'protocol_error', 'take a topic frame')
    init.onRefused(error)
    const message = error.message.slice(0, 1_000)
    sender.send({ type: 'refused', ...of, code: error.code, message })
  }
  /** One after the other: what is verified must not be overtaken. */
  let taking = Promise.resolve()
  const publish = async (frame: Extract<TopicFrame, { type: 'publish' }>, bodies: Uint8Array) => {
    const publication = { jws: frame.jws, bodies, ...readPublication({ jws: frame.jws, bodies }) }
    const { seq, sizes } = publication.claims
    pace.took(sizes.length, bodies.byteLength)
    try {
      if (publication.publisher !== peer.peerId)
        throw toMeshError(new Error('another member signed it'), 'unauthenticated', 'publish')
      const { acks, served = [] } = frame
      await hub.publish(publication, peer.credential, {
        ...{ acks, served },
        onConfirm: confirm => sender.send(confirm),
      })
    } catch (error) {
      refuse(error, { seq })
    }
  }
  const take = (frame: TopicFrame, bodies: Uint8Array): void => {
    if (frame.type === 'subscribe') {
      try {
        hub.subscribe(subscriber, frame)
      } catch (error) {
        refuse(error, { id: frame.id })
      }
    } else if (frame.type === 'unsubscribe') hub.unsubscribe(subscriber, frame.id)
    else if (frame.type === 'confirm') hub.confirm(frame)
    else if (frame.type === 'publish') then(() => publish(frame, bodies))
    else if (init.onRelayFrame !== undefined) then(async () => init.onRelayFrame?.(frame, bodies, sender))
  }
  const then = (work: () => Promise<void>): void => {
    taking = taking.then(work).catch((error: unknown) => {
      const known = toMeshError(error, 'protocol_error', 'take a topic frame')
      init.onRefused(known)
      stream.abort(known)
    })
  }
  readFrames(stream, take)
  stream.onClose(() => {
    pace.stop()
    sender.stop()
    hub.remove(subscriber)
  })
}

/** Bytes that may wait for each of so many subscribers. */
const roomOfOne = (subscribers: number): number => {
  const { hubBytes, leastQueuedBytes, queuedBytes } = topicDefaults
  return Math.min(queuedBytes, Math.max(leastQueuedBytes, hubBytes / Math.max(1, subscribers)))
}
