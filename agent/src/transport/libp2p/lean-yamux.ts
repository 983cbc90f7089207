/**
 * yamux, unchanged on the wire, with a third of the writes that small messages cost. The stock muxer hands a frame's
 * header and data to TLS as two pieces, so as two records and in two turns of the event loop; and it answers every data
 * frame with a window update. Calls of 100 bytes take two thirds of the round trip and of the CPU without these. Data
 * passes without the stock queues, lists and events where nothing waits before it. Windows grow although no keep-alives
 * measure the round trip. A reader that is slow, and not only one that has stopped, makes the sender wait.
 */
import type { MessageStream, Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux, type YamuxMuxerInit } from '@libp2p/yamux'
import { Uint8ArrayList } from 'uint8arraylist'
import { isFree, readDirectly, type Bytes } from './direct-streams.ts'
import { FrameReader, headerBytes } from './frame-reader.ts'
import {
  framedStreamOf,
  framingMuxerOf,
  grantingStreamOf,
  measuringMuxerOf,
  readStatusOf,
  yamuxState,
  type FramingMuxer,
} from './hidden-parts.ts'

/** One TLS record; what is larger is not worth the copy. */
const joinBytes = 16 * 1024

/** Round trips are taken for at least this, ms: between processes of one machine they are too short for its clock. */
const leastRoundTripMs = 5

/** The window of the stock muxer where none is set, bytes. */
const stockWindowBytes = 16 * 1024 * 1024

export const leanYamux = (init: YamuxMuxerInit) => (): StreamMuxerFactory => {
  const factory = yamux(init)()
  const createStreamMuxer = factory.createStreamMuxer.bind(factory)
  factory.createStreamMuxer = connection => {
    const muxer = createStreamMuxer(joinSmallFrames(connection))
    const framing = framingMuxerOf(muxer)
    readFrames(muxer, connection, init.streamOptions?.maxStreamWindowSize ?? stockWindowBytes)
    measureRoundTrip(muxer)
    const lean = <S extends Stream>(stream: S): S => sendDirectly(stayPaused(updateByHalves(stream)), framing)
    const onCreateStream = framing.onCreateStream.bind(muxer)
    framing.onCreateStream = options => lean(onCreateStream(options))
    const onRemoteStream = muxer.onRemoteStream.bind(muxer)
    // Not by the 'stream' event: a listener of ours would take early streams from the connection.
    muxer.onRemoteStream = stream => onRemoteStream(lean(stream))
    return muxer
  }
  return factory
}

/** By muxer. */
const trusting = new WeakMap<StreamMuxer, () => void>()

/** Its connection has become a link: frames are no longer bounded as those of a stranger. Other muxers, as that of WebRTC, have no such bound. */
export const trustFrames = (muxer: StreamMuxer): void => trusting.get(muxer)?.()

/** In place of the stock decoder. */
function readFrames(muxer: StreamMuxer, connection: MessageStream, mostBytes: number): void {
  const framing = framingMuxerOf(muxer)
  const reader = new FrameReader(framing, mostBytes, () => {
    if (readStatusOf(connection) === 'readable') connection.pause()
  })
  framing.onData = data => {
    if (data instanceof Uint8Array) reader.push(data)
    else for (const chunk of data) reader.push(chunk)
  }
  // As the stock muxer does for what its event brings.
  const fail = (error: unknown) => {
    framing.abort(error as Error)
    connection.abort(error as Error)
  }
  readDirectly(connection, chunk => {
    try {
      reader.push(chunk)
    } catch (error) {
      fail(error)
    }
  })
  trusting.set(muxer, () => {
    try {
      reader.trust()
    } catch (error) {
      return fail(error)
    }
    if (readStatusOf(connection) === 'paused') connection.resume()
  })
}

/** Data that the window has room for, and that nothing waits before, goes to the connection in one frame. */
function sendDirectly<S extends Stream>(stream: S, muxer: FramingMuxer): S {
  const framed = framedStreamOf(stream)
  const send = stream.send.bind(stream)
  stream.send = data => {
    const bytes = data.byteLength
    const fits = bytes > 0 && bytes <= framed.sendWindowCapacity && framed.state === yamuxState.established
    if (!fits || !isFree(stream)) return send(data)
    framed.sendWindowCapacity -= bytes
    return muxer.send(dataFrame(framed.streamId, data))
  }
  return stream
}

/** In one piece, or with its data as it is where that is large. */
function dataFrame(streamId: number, data: Bytes): Bytes {
  const bytes = data.byteLength
  const frame = Buffer.allocUnsafe(bytes <= joinBytes ? headerBytes + bytes : headerBytes)
  frame.writeUInt32BE(0, 0)
  frame.writeUInt32BE(streamId, 4)
  frame.writeUInt32BE(bytes, 8)
  if (bytes > joinBytes) return new Uint8ArrayList(frame, data)
  let at = headerBytes
  for (const piece of data instanceof Uint8Array ? [data] : data) {
    frame.set(piece, at)
    at += piece.byteLength
  }
  return frame
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
    // The first one follows a moment after its stream was made: both may have ended meanwhile, and a connection that has throws.
    if (state === yamuxState.finished) return
    const flagless = state === yamuxState.synSent || state === yamuxState.established
    if (flagless && recvWindowCapacity > recvWindow / 2) return
    sendWindowUpdate()
  }
  return stream
}

/**
 * A reader that resumes gets what waited at once, and often pauses again within that. The stock stream grants window all the same,
 * and goes on to: a sender that is faster then fills its read buffer, and the stream is reset.
 */
function stayPaused<S extends Stream>(stream: S): S {
  const granting = grantingStreamOf(stream)
  const sendResume = granting.sendResume.bind(stream)
  granting.sendResume = () => {
    if (stream.readStatus !== 'paused') sendResume()
  }
  return stream
}
