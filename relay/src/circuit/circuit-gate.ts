/**
 * Who may reserve at this relay and who may open a circuit through it: admitted members with a valid credential, within
 * the limits. Pure decisions; every denial is counted by its reason.
 */
import { mayRelay, MeshError, type Peer } from '@agent-mesh/protocol'
import type { CircuitLimits } from './defaults.ts'
import { spentReasons, type SpentReason } from './traffic-shaper.ts'

export const denialReasons = [
  'draining',
  'not_a_member',
  'credential_expired',
  'role_without_relay',
  'reservations_full',
  'visitors_full',
  'circuits_full',
  'homes_full',
  ...spentReasons,
] as const
export type DenialReason = (typeof denialReasons)[number]

export interface CircuitGateInit {
  limits: CircuitLimits
  /** The admitted peer, while it has a link to this relay. */
  member: (peerId: string) => Peer | undefined
  reservations: { size: () => number; has: (peerId: string) => boolean }
  /** Open circuits, of one member or of all; the one being decided counts. */
  circuits: (peerId?: string) => number
  /** Open circuits from one member to another; the one being decided counts. */
  between: (from: string, to: string) => number
  /** Why a member may send nothing more today. */
  spent: (peerId: string) => SpentReason | undefined
  /** Unix milliseconds. */
  now: () => number
  onDenied: (reason: DenialReason, peerId: string) => void
}

export class CircuitGate {
  readonly #init: CircuitGateInit
  readonly #denied = new Map<DenialReason, number>(denialReasons.map(reason => [reason, 0]))
  readonly #visitors = new Set<string>()
  readonly #homed = new Set<string>()
  #draining = false

  constructor(init: CircuitGateInit) {
    this.#init = init
  }

  /** Denials so far, by reason. */
  get denied(): ReadonlyMap<DenialReason, number> {
    return this.#denied
  }

  get homed(): number {
    return this.#homed.size
  }

  /** Members without a reservation that have circuits now. */
  get visitors(): number {
    for (const peerId of this.#visitors) if (this.#init.circuits(peerId) === 0) this.#visitors.delete(peerId)
    return this.#visitors.size
  }

  /** Refuses everything new from now on: this relay is going to stop. */
  drain(): void {
    this.#draining = true
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Whether to refuse a reservation, new or renewed. */
  denyReservation(peerId: string): boolean {
    const { limits, reservations } = this.#init
    const full = !reservations.has(peerId) && reservations.size() >= limits.maxReservations
    return this.#deny(this.#unfit(peerId) ?? (full ? 'reservations_full' : undefined), peerId)
  }

  /** Why to refuse a circuit. */
  circuitDenial(from: string, to: string): DenialReason | undefined {
    const reason = this.#circuitDenial(from, to)
    this.#deny(reason, from)
    return reason
  }

  #circuitDenial(from: string, to: string): DenialReason | undefined {
    const { limits, reservations, circuits, between, spent } = this.#init
    const unfit = this.#unfit(from) ?? this.#unfit(to) ?? spent(from) ?? spent(to)
    if (unfit !== undefined) return unfit
    if (circuits() > limits.maxCircuits || circuits(from) > limits.maxCircuitsPerMember)
      return 'circuits_full'
    if (between(from, to) > limits.maxCircuitsPerPair) return 'circuits_full'
    if (reservations.has(from) || this.#visitors.has(from)) return undefined
    if (this.visitors >= limits.maxVisitors) return 'visitors_full'
    this.#visitors.add(from)
    return undefined
  }

  /** Counts a circuit that ended, by the reason that would refuse it now. */
  ended(reason: DenialReason, peerId: string): void {
    this.#deny(reason, peerId)
  }

  /** Takes an agent as homed here. Idempotent. @throws MeshError overloaded when there is no place */
  claimHome(peerId: string): void {
    const { maxHomed } = this.#init.limits
    if (!this.#homed.has(peerId) && this.#homed.size >= maxHomed) {
      this.#deny('homes_full', peerId)
      throw new MeshError('overloaded', `Cannot home ${peerId}: this relay has ${maxHomed} agents already`)
    }
    this.#homed.add(peerId)
  }

  /** The agent went offline or moved. */
  releaseHome(peerId: string): void {
    this.#homed.delete(peerId)
  }

  #unfit(peerId: string): DenialReason | undefined {
    if (this.#draining) return 'draining'
    const peer = this.#init.member(peerId)
    if (peer === undefined) return 'not_a_member'
    if (peer.credential.exp * 1000 <= this.#init.now()) return 'credential_expired'
    return mayRelay(peer.credential) ? undefined : 'role_without_relay'
  }

  #deny(reason: DenialReason | undefined, peerId: string): boolean {
    if (reason === undefined) return false
    this.#denied.set(reason, (this.#denied.get(reason) ?? 0) + 1)
    this.#init.onDenied(reason, peerId)
    return true
  }
}
