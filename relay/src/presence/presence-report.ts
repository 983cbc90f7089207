/**
 * Presence reports as a lease (design 4a): what changed since the report that was acknowledged last. A report whose
 * fate is unknown is sent again as it was; a refused one starts a new epoch with a full report.
 */
import type { RelayReport } from '@agent-mesh/protocol'
import { limits } from '@agent-mesh/protocol'
import { randomBytes } from 'node:crypto'

type Changes = Pick<RelayReport, 'epoch' | 'seq' | 'up' | 'down'>

export class PresenceReport {
  #epoch = newEpoch()
  #seq = 0
  /** Claims the control plane knows, by peer id. */
  #acked = new Map<string, string>()
  #inFlight: { changes: Changes; after: Map<string, string> } | undefined

  /** The report to send now: the one whose fate is unknown, else what changed since. @param claims claim by peer id */
  next(claims: ReadonlyMap<string, string>): Changes {
    this.#inFlight ??= this.#make(claims)
    return this.#inFlight.changes
  }

  /** The report was accepted. @returns whether there is more to report at once */
  acknowledge(claims: ReadonlyMap<string, string>): boolean {
    if (this.#inFlight !== undefined) {
      this.#acked = this.#inFlight.after
      this.#seq = this.#inFlight.changes.seq
      this.#inFlight = undefined
    }
    return this.differs(claims)
  }

  /** The control plane knows another epoch or number: report everything anew. */
  restart(): void {
    this.#epoch = newEpoch()
    this.#seq = 0
    this.#acked = new Map()
    this.#inFlight = undefined
  }

  /** Whether `claims` are not what the control plane knows. */
  differs(claims: ReadonlyMap<string, string>): boolean {
    if (claims.size !== this.#acked.size) return true
    for (const [peerId, claim] of claims) if (this.#acked.get(peerId) !== claim) return true
    return false
  }

  #make(claims: ReadonlyMap<string, string>) {
    const after = new Map(this.#acked)
    const up: string[] = []
    const down: string[] = []
    for (const peerId of this.#acked.keys()) {
      if (down.length >= limits.reportChanges) break
      if (!claims.has(peerId) && after.delete(peerId)) down.push(peerId)
    }
    for (const [peerId, claim] of claims) {
      if (up.length + down.length >= limits.reportChanges) break
      if (this.#acked.get(peerId) === claim) continue
      up.push(claim)
      after.set(peerId, claim)
    }
    return { changes: { epoch: this.#epoch, seq: this.#seq + 1, up, down }, after }
  }
}

const newEpoch = () => randomBytes(12).toString('base64url')
