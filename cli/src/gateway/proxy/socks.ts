/**
 * SOCKS 5 (RFC 1928) with user and password (RFC 1929), for CONNECT to names of the mesh. The password is the token; the user may be
 * any. Each message of the client is answered before its next one:
 *
 *   client: 5, count, methods          gateway: 5, 2 (user and password)
 *   client: 1, user, password          gateway: 1, 0
 *   client: 5, 1, 0, 3, name, port     gateway: 5, reply, 0, 1, 0.0.0.0:0; then bytes, both ways
 */
import type { Socket } from 'node:net'

import { MeshError, toMeshError, type ErrorCode } from '@agent-mesh/protocol/errors'

import { endWith } from './last-words.ts'
import { bytesOf } from './read-bytes.ts'
import type { Tunnels, Wanted } from './tunnels.ts'

export const socksVersion = 5

/** @param known says that the head of the connection has come */
export type SocksHandler = (socket: Socket, known: () => void) => void

const passwordMethod = 2
const connectCommand = 1
const addressKinds = { ipv4: 1, name: 3, ipv6: 4 } as const

/** Replies of RFC 1928, 6. */
const replies = {
  succeeded: 0,
  failed: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  refused: 5,
  timedOut: 6,
  noSuchCommand: 7,
  noSuchAddress: 8,
} as const

const replyOfCode: Partial<Record<ErrorCode, number>> = {
  permission_denied: replies.notAllowed,
  unauthenticated: replies.notAllowed,
  revoked: replies.notAllowed,
  rate_limited: replies.notAllowed,
  not_found: replies.hostUnreachable,
  path_lost: replies.hostUnreachable,
  too_many_links: replies.hostUnreachable,
  unavailable: replies.refused,
  overloaded: replies.refused,
  going_away: replies.refused,
  deadline_exceeded: replies.timedOut,
  unsupported: replies.noSuchCommand,
}

/** A refusal in the words of the protocol. */
class Refused extends Error {
  readonly answer: Uint8Array

  constructor(...answer: number[]) {
    super('refused')
    this.answer = Uint8Array.from(answer)
  }
}

const replyOf = (reply: number): number[] => [socksVersion, reply, 0, addressKinds.ipv4, 0, 0, 0, 0, 0, 0]

/** Takes a connection whose first byte is {@link socksVersion}. @param known its head has come Never throws. */
export async function serveSocks(
  tunnels: Pick<Tunnels, 'open' | 'authenticate'>,
  socket: Socket,
  known: () => void,
): Promise<void> {
  try {
    const wanted = await wantedBy(socket, tunnels)
    known()
    const carry = await tunnels.open(socket, wanted)
    socket.write(Uint8Array.from(replyOf(replies.succeeded)))
    carry()
  } catch (thrown) {
    known()
    if (socket.destroyed) return
    if (thrown instanceof Refused) return endWith(socket, thrown.answer)
    const { code } = toMeshError(thrown, 'internal', 'connect')
    endWith(socket, Uint8Array.from(replyOf(replyOfCode[code] ?? replies.failed)))
  }
}

/** @throws Refused; MeshError when the connection ends before */
async function wantedBy(socket: Socket, tunnels: Pick<Tunnels, 'authenticate'>): Promise<Wanted> {
  const take = (count: number) => bytesOf(socket, count)
  const byte = async () => (await take(1))[0]!
  const text = async () => (await take(await byte())).toString()

  await byte()
  const methods = await take(await byte())
  if (!methods.includes(passwordMethod)) throw new Refused(socksVersion, 0xff)
  socket.write(Uint8Array.of(socksVersion, passwordMethod))

  const proofVersion = await byte()
  await text()
  const token = await text()
  if (proofVersion !== 1 || !holds(() => tunnels.authenticate(token))) throw new Refused(1, 1)
  socket.write(Uint8Array.of(1, 0))

  const [version, command, , kind] = await take(4)
  if (version !== socksVersion) throw new Refused(...replyOf(replies.failed))
  if (command !== connectCommand) throw new Refused(...replyOf(replies.noSuchCommand))
  // Addresses are none of the mesh, which has names alone.
  if (kind === addressKinds.ipv4 || kind === addressKinds.ipv6)
    throw new Refused(...replyOf(replies.notAllowed))
  if (kind !== addressKinds.name) throw new Refused(...replyOf(replies.noSuchAddress))
  const host = await text()
  return { token, host, port: (await take(2)).readUInt16BE() }
}

function holds(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    if (error instanceof MeshError) return false
    throw error
  }
}
