/** The public part of agents and relays in common, and how both stop. */
import type { LocalPeer, LocalService, LocalStatus } from '@agent-mesh/protocol'
import { ProgramHealth } from '../health/program-health.ts'
import { depart, leaveMap } from './departure.ts'
import type { AppDenial, MachineUse, ToolApproval } from './member-audit.ts'
import type { Member } from './member-parts.ts'
import type { CutOff } from './revocations.ts'
import { refuseAfterStop } from './stopped.ts'
import { peerViews, serviceViews, statusView, type StatusInit } from './views.ts'

export abstract class MemberFacade {
  protected readonly member: Member
  /** Checks of this process, also those of the program, and what it did to recover. */
  readonly health: ProgramHealth
  readonly #kind: StatusInit['kind']
  readonly #startedAt: number
  #stopping: Promise<void> | undefined
  #stopped = false

  protected constructor(kind: StatusInit['kind'], member: Member) {
    this.#kind = kind
    this.member = member
    this.health = new ProgramHealth(() => {
      this.mustRun('read its health')
      return member.health
    })
    this.#startedAt = member.clock.monotonic()
  }

  get peerId(): string {
    return this.member.identity.peerId
  }

  /** As the mesh knows it. */
  get name(): string {
    return this.member.credential.claims.name
  }

  /** The name that it asked for and did not get, at the first start under its name; else undefined. */
  get askedName(): string | undefined {
    return this.member.askedName
  }

  get meshId(): string {
    return this.member.controlPlane.meshId
  }

  /** Calls `listener` for each link that ends because its peer was revoked. @returns how to stop listening */
  onCutOff(listener: (cut: CutOff) => void): () => void {
    this.mustRun('listen for revoked peers')
    return this.member.revocations.onCutOff(listener)
  }

  status(): LocalStatus {
    this.mustRun('tell its status')
    return statusView({
      member: this.member,
      kind: this.#kind,
      startedAt: this.#startedAt,
      ...this.reachability(),
    })
  }

  peers(): LocalPeer[] {
    this.mustRun('list peers')
    return peerViews(this.member)
  }

  services(): LocalService[] {
    this.mustRun('list services')
    return serviceViews(this.member)
  }

  /** Puts a denial of one of this machine's programs into the audit log here. Never throws, never waits. */
  recordDenial(denial: AppDenial): void {
    this.member.audit.appDenied(denial)
  }

  /** Puts what a member did with files or programs of this machine into the audit log here. Never throws, never waits. */
  recordUse(use: MachineUse): void {
    this.member.audit.machineUsed(use)
  }

  /** Puts into the audit log here what the owner of this machine approved. Never throws, never waits. */
  recordApproval(approval: ToolApproval): void {
    this.member.audit.toolsApproved(approval)
  }

  /** Prometheus text. */
  async metrics(): Promise<string> {
    this.mustRun('tell its metrics')
    return this.member.metrics.registry.metrics()
  }

  /**
   * Accepts no new work and says going away, finishes running work within the drain time, then closes; an ephemeral member leaves the
   * map. From then on every method but this is refused; the names stay. Idempotent.
   */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop())
  }

  /** Methods keep working while it drains: handlers that finish may call others. @throws MeshError going_away */
  protected mustRun(action: string): void {
    refuseAfterStop(this.#stopped, this.#kind, action)
  }

  /** Withdraws the services from the record; calls, circuits and links end. Never rejects. */
  protected depart(drainMs: number): Promise<void> {
    const { transport, serving, publisher, log } = this.member
    return depart({ links: transport.links, sessions: serving.sessions, publisher, log }, drainMs)
  }

  /** The relays through which it is reached, and what its status warns of. */
  protected abstract reachability(): Pick<StatusInit, 'relays' | 'warnings'>

  /** Takes no new work, and waits for the work that runs. */
  protected abstract drain(drainMs: number): Promise<void>

  /** Stops what this kind of member runs beside the parts of {@link Member}. */
  protected abstract close(): Promise<void>

  async #stop(): Promise<void> {
    await this.drain(this.member.drainMs)
    this.#stopped = true
    try {
      await this.close()
      await leaveMap(this.member)
    } finally {
      await this.member.stop()
    }
  }
}
