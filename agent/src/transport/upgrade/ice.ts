/**
 * What a peer's session description and candidates may hold. They are passed to native code, which sends to the addresses in
 * them: only known lines pass, credentials in the length and alphabet of ICE (RFC 8445, 5.3), and candidates that may be dialled.
 */
import { isIP } from 'node:net'
import * as z from 'zod/mini'
import { MeshError, parseJson, type UpgradeSignal } from '@agent-mesh/protocol'
import { upgradeDefaults } from './defaults.ts'

const required = [
  /^a=ice-ufrag:[A-Za-z0-9+/]{4,256}$/,
  /^a=ice-pwd:[A-Za-z0-9+/]{22,256}$/,
  /^a=fingerprint:sha-256 (?:[0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/,
  /^a=setup:(?:actpass|active|passive)$/,
  /^m=application \d{1,5} UDP\/DTLS\/SCTP webrtc-datachannel$/,
]
const known = [
  ...required,
  /^v=0$/,
  /^o=[!-~]{1,32} \d{1,20} \d{1,10} IN IP[46] [0-9a-fA-F.:]{1,45}$/,
  /^s=-$/,
  /^t=0 0$/,
  /^c=IN IP4 0\.0\.0\.0$/,
  /^a=group:BUNDLE [0-9a-z]{1,8}$/,
  /^a=msid-semantic:WMS \*$/,
  /^a=ice-options:[a-z0-9,]{1,32}$/,
  /^a=mid:[0-9a-z]{1,8}$/,
  /^a=sendrecv$/,
  /^a=sctp-port:\d{1,5}$/,
  /^a=max-message-size:\d{1,8}$/,
]

const candidateSchema = z.object({
  candidate: z.string().check(z.maxLength(256)),
  sdpMid: z.optional(z.nullable(z.string().check(z.regex(/^[0-9a-z]{1,8}$/)))),
})
const candidateShape =
  /^(?:a=)?candidate:[0-9A-Za-z+/]{1,32} 1 UDP \d{1,10} ([0-9a-fA-F.:]{2,45}) (\d{1,5}) typ (host|srflx)(?: raddr [0-9a-fA-F.:]{2,45} rport \d{1,5})?$/i

/** Address of a candidate, and whether it is from STUN; undefined when it is none of UDP. */
export function candidateOf(text: string): { host: string; port: number; fromStun: boolean } | undefined {
  const [, host = '', port, type] = candidateShape.exec(text) ?? []
  if (isIP(host) === 0) return undefined
  return { host, port: Number(port), fromStun: type?.toLowerCase() === 'srflx' }
}

/** Filters a peer's signals. One for each attempt, as it counts candidates. */
export class IceFilter {
  readonly #mayReach: (host: string) => boolean
  #candidates = 0

  constructor(mayReach: (host: string) => boolean) {
    this.#mayReach = mayReach
  }

  /** @returns the signal as it may be used, undefined when not. @throws MeshError protocol_error */
  pass({ type, kind, data }: UpgradeSignal): UpgradeSignal | undefined {
    if (kind !== 'candidate') return { type, kind, data: cleanDescription(data) }
    const given = parseJson(candidateSchema, data, 'read ICE candidate', 'protocol_error')
    const candidate = candidateOf(given.candidate)
    if (candidate === undefined || candidate.port < upgradeDefaults.minPunchPort) return undefined
    if (!this.#mayReach(candidate.host) || ++this.#candidates > upgradeDefaults.maxCandidates)
      return undefined
    const clean = { candidate: given.candidate, sdpMid: given.sdpMid ?? '0' }
    return { type, kind, data: JSON.stringify(clean) }
  }
}

/** @throws MeshError protocol_error when something is missing or there twice */
function cleanDescription(text: string): string {
  const lines = text.split(/\r?\n/).filter(line => known.some(shape => shape.test(line)))
  for (const shape of required)
    if (lines.filter(line => shape.test(line)).length !== 1)
      throw new MeshError('protocol_error', `Cannot read session description: no line like ${shape.source}`)
  return `${lines.join('\r\n')}\r\n`
}
