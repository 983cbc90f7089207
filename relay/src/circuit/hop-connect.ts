/**
 * CONNECT of circuit-relay v2, as this relay answers it. The wire is libp2p's, and so are reading the request and
 * the STOP exchange with the target; what libp2p's server does with the two streams after that is not:
 *
 *   source -> relay   HopMessage CONNECT {peer}        relay -> target   StopMessage CONNECT {source}
 *   target -> relay   StopMessage STATUS OK            relay -> source   HopMessage STATUS OK, or why not
 *
 * https://github.com/libp2p/specs/blob/master/relay/circuit-v2.md
 */
import {
  hopServerOf,
  type ConnectRequest,
  type HopServer,
} from '@agent-mesh/agent/transport/libp2p/hidden-parts'
import { peerIdOf, toMeshError } from '@agent-mesh/protocol'
import type { CircuitRelayService } from '@libp2p/circuit-relay-v2'
import type { AbortOptions, Connection, Stream } from '@libp2p/interface'
import type { CircuitEnd } from './forwarder.ts'

/** Status of a HopMessage, as on the wire. */
export const hopStatus = {
  ok: 100,
  resourceLimitExceeded: 201,
  permissionDenied: 202,
  connectionFailed: 203,
  noReservation: 204,
  malformedMessage: 400,
} as const
type HopStatus = (typeof hopStatus)[keyof typeof hopStatus]

export interface HopConnectPorts {
  /** The connection that a reserved target is reached over. */
  reserved: (target: string) => Connection | undefined
  /** Whether to refuse, and how to say it; else the circuit's place is taken. */
  admit: (source: string, target: string) => HopStatus | { leave: () => void }
  join: (source: CircuitEnd, target: CircuitEnd, leave: () => void) => void
}

/** Answers CONNECT at libp2p's server from now on. @throws MeshError internal when that is not the server known here */
export function answerConnect(service: CircuitRelayService, ports: HopConnectPorts): void {
  const server = hopServerOf(service)
  server.handleConnect = (request, options) => connect(server, request, ports, options)
}

async function connect(
  server: HopServer,
  { stream: messages, request, connection }: ConnectRequest,
  ports: HopConnectPorts,
  options: AbortOptions,
): Promise<void> {
  const stream = messages.unwrap()
  const source = connection.remotePeer.toString()
  const refuse = async (status: HopStatus): Promise<void> => {
    stream.send(statusMessage(status))
    await stream.close(options)
  }
  if (connection.remoteAddr.toString().includes('/p2p-circuit')) return refuse(hopStatus.permissionDenied)
  const target = targetOf(request)
  if (target === undefined) return refuse(hopStatus.malformedMessage)
  const targetConnection = ports.reserved(target)
  if (targetConnection === undefined) return refuse(hopStatus.noReservation)
  const admitted = ports.admit(source, target)
  if (typeof admitted === 'number') return refuse(admitted)
  let targetStream: Stream | undefined
  try {
    targetStream = await stopAt(server, targetConnection, connection, options)
    if (targetStream === undefined) {
      admitted.leave()
      return await refuse(hopStatus.connectionFailed)
    }
    stream.send(statusMessage(hopStatus.ok))
    ports.join(
      { peerId: source, stream, connection },
      { peerId: target, stream: targetStream, connection: targetConnection },
      admitted.leave,
    )
  } catch (error) {
    admitted.leave()
    const reason = toMeshError(error, 'unavailable', `open circuit to ${target}`)
    stream.abort(reason)
    targetStream?.abort(reason)
  }
}

async function stopAt(
  server: HopServer,
  target: Connection,
  source: Connection,
  options: AbortOptions,
): Promise<Stream | undefined> {
  const peer = { id: source.remotePeer.toMultihash().bytes, addrs: [] }
  try {
    return await server.stopHop({ connection: target, request: { type: 'CONNECT', peer } }, options)
  } catch {
    // It counts as unavailable: the source tries the standby.
    return undefined
  }
}

/** Identity multihash of a protobuf Ed25519 key: all members have one. */
const keyPrefix = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20]

function targetOf({ peer }: ConnectRequest['request']): string | undefined {
  const id = peer?.id
  if (id?.length !== keyPrefix.length + 32 || keyPrefix.some((byte, at) => id[at] !== byte)) return undefined
  return peerIdOf(id.subarray(keyPrefix.length))
}

/** HopMessage {type (1): STATUS (2), status (5)}, behind its length; the status takes two bytes from 128 on. */
export function statusMessage(status: HopStatus): Uint8Array {
  if (status < 128) return Uint8Array.of(4, 0x08, 2, 0x28, status)
  return Uint8Array.of(5, 0x08, 2, 0x28, (status & 0x7f) | 0x80, status >> 7)
}
