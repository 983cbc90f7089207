/**
 * yamux, unchanged on the wire, with a third of the writes that small messages cost. The stock muxer hands a frame's
 * header and data to TLS as two pieces, so as two records and in two turns of the event loop; and it answers every data
 * frame with a window update. Calls of 100 bytes take two thirds of the round trip and of the CPU without these. Windows
 * grow although no keep-alives measure the round trip.
 */
import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux, type YamuxMuxerInit } from '@libp2p/yamux'
import { grantingStreamOf, measuringMuxerOf, yamuxState } from './hidden-parts.ts'

/** One TLS record; what is larger is not worth the copy. */
const joinBytes = 16 * 1024

/** Round trips are taken for at least this, ms: between processes of one machine they are too short for its clock. */
const leastRoundTripMs = 5

export const leanYamux = (init: YamuxMuxerInit) => (): StreamMuxerFactory => {
  const factory = yamux(init)()
  const createStreamMuxer = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = connection => {
    const muxer = createStreamMuxer(joinSmallFrames(connection))
    measureRoundTrip(muxer)
    const createStream = muxer.createStream.bind(muxer)
    muxer.createStream = async options => updateByHalves(await createStream(options))
    const onRemoteStream = muxer.onRemoteStream.bind(muxer)
    // Not by the 'stream' event: a listener of ours would take early streams from the connection.
    muxer.onRemoteStream = stream => onRemoteStream(updateByHalves(stream))
    return muxer
  }
  return factory
}

/**
 * One ping, before there is load that it would measure, too. yamux doubles the window of a stream whose reader takes all of
 * it within four round trips, so that the round trip and not the path would bound its rate; without pings it never does.
 */
function measureRoundTrip(muxer: StreamMuxer): void {
  const measuring = measuringMuxerOf(muxer)
  const getRoundTrip = measuring.getRTT.bind(muxer)
  measuring.getRTT = () => Math.max(getRoundTrip(), leastRoundTripMs)
  // It fails with the connection, which says why by itself.
  measuring.ping().catch(() => undefined)
}

function joinSmallFrames(connection: MessageStream): MessageStream {
  const send = connection.send.bind(connection)
  connection.send = data =>
    send(data instanceof Uint8Array || data.byteLength > joinBytes ? data : data.subarray())
  return connection
}

/**
 * Sends a window update only when the sender has used half of the window. Updates that carry a flag (SYN, ACK)
 * are sent as in the stock muxer: those states come first.
 */
function updateByHalves<S extends Stream>(stream: S): S {
  const granting = grantingStreamOf(stream)
  const sendWindowUpdate = granting.sendWindowUpdate.bind(stream)
  granting.sendWindowUpdate = () => {
    const { state, recvWindow, recvWindowCapacity } = granting
    const flagless = state === yamuxState.synSent || state === yamuxState.established
    if (flagless && recvWindowCapacity > recvWindow / 2) return
    sendWindowUpdate()
  }
  return stream
}
