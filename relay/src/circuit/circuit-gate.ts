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
  readonly #circuits: (peerId?: string) => number
  readonly #reservations: { size: () => number; has: (peerId: string) => boolean }
  readonly #limits: CircuitLimits
  readonly #spent: (peerId: string) => SpentReason | undefined
  readonly #between: (from: string, to: string) => number
  readonly #member: (peerId: string) => Peer | undefined
  readonly #now: () => number
  readonly #onDenied: (reason: DenialReason, peerId: string) => void
  readonly #denied = new Map<DenialReason, number>(denialReasons.map(reason => [reason, 0]))
  readonly #visitors = new Set<string>()
  readonly #homed = new Set<string>()
  #draining = false

  constructor(init: CircuitGateInit) {
    this.#circuits = init.circuits
    this.#reservations = init.reservations
    this.#limits = init.limits
    this.#spent = init.spent
    this.#between = init.between
    this.#member = init.member
    this.#now = init.now
    this.#onDenied = init.onDenied
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
    for (const peerId of this.#visitors) if (this.#circuits(peerId) === 0) this.#visitors.delete(peerId)
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
    const full = !this.#reservations.has(peerId) && this.#reservations.size() >= this.#limits.maxReservations
    return this.#deny(this.#unfit(peerId) ?? (full ? 'reservations_full' : undefined), peerId)
  }

  /** Why to refuse a circuit. */
  circuitDenial(from: string, to: string): DenialReason | undefined {
    const reason = this.#circuitDenial(from, to)
    this.#deny(reason, from)
    return reason
  }

  #circuitDenial(from: string, to: string): DenialReason | undefined {
    const unfit = this.#unfit(from) ?? this.#unfit(to) ?? this.#spent(from) ?? this.#spent(to)
    if (unfit !== undefined) return unfit
    if (
      this.#circuits() > this.#limits.maxCircuits ||
      this.#circuits(from) > this.#limits.maxCircuitsPerMember
    )
      return 'circuits_full'
    if (this.#between(from, to) > this.#limits.maxCircuitsPerPair) return 'circuits_full'
    if (this.#reservations.has(from) || this.#visitors.has(from)) return undefined
    if (this.visitors >= this.#limits.maxVisitors) return 'visitors_full'
    this.#visitors.add(from)
    return undefined
  }

  /** Counts a circuit that ended, by the reason that would refuse it now. */
  ended(reason: DenialReason, peerId: string): void {
    this.#deny(reason, peerId)
  }

  /** Takes an agent as homed here. Idempotent. @throws MeshError overloaded when there is no place */
  claimHome(peerId: string): void {
    const { maxHomed } = this.#limits
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
    const peer = this.#member(peerId)
    if (peer === undefined) return 'not_a_member'
    if (peer.credential.exp * 1000 <= this.#now()) return 'credential_expired'
    return mayRelay(peer.credential) ? undefined : 'role_without_relay'
  }

  #deny(reason: DenialReason | undefined, peerId: string): boolean {
    if (reason === undefined) return false
    this.#denied.set(reason, (this.#denied.get(reason) ?? 0) + 1)
    this.#onDenied(reason, peerId)
    return true
  }
}
