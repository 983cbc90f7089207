/** Audit entries of a member about itself and its peers. */
import { redactText, type CredentialClaims, type MeshError, type Subject } from '@agent-mesh/protocol'
import { isToolApp } from '@agent-mesh/protocol/tool-app'
import type { CredentialKeeper } from '../discovery/credential-keeper.ts'
import type { MeshMap } from '../membership/mesh-map.ts'
import { AuditLog, type AuditLogInit } from '../observe/audit-log.ts'
import type { Authorize } from '../services/index.ts'
import { memberDefaults } from './defaults.ts'
import { checkOwner } from './owners-list.ts'
import type { RevokedMembers } from './revocations.ts'

export class MemberAudit {
  readonly #log: AuditLog
  readonly #self: string

  constructor({ peerId, ...init }: AuditLogInit & { peerId: string }) {
    this.#log = new AuditLog(init)
    this.#self = peerId
  }

  /** The fault of the log itself, if any. */
  get warning(): string | undefined {
    return this.#log.warning
  }

  /** A credential was given to this member. */
  credentialGiven(what: 'join' | 'renew', { name, roles, serial, exp }: CredentialClaims): void {
    this.#log.record({ who: this.#self, what, detail: { name, roles, serial, exp } })
  }

  /** A connection was not admitted. Strangers make keys as they like: they are counted by the reason alone. */
  refused(peerId: string, { code, message }: MeshError): void {
    const reason = redactText(message).slice(0, memberDefaults.auditedChars)
    this.#log.recordFlood(`refused ${code}`, { who: peerId, what: 'refused', detail: { code, reason } })
  }

  /** A member asked for what the policy does not grant, or the owner of this machine does not open for it. */
  denied({ from, action, to, app, by }: MemberDenial): void {
    const detail = { name: from.name, ...(by !== undefined && { by }), ...askedDetail({ action, to, app }) }
    const key = `denied ${by ?? ''} ${from.sub} ${action} ${to} ${app ?? ''}`
    this.#log.recordFlood(key, { who: from.sub, what: 'denied', detail })
  }

  /** An AI assistant called a method here, and may. */
  toolCalled({ from, to, app }: ToolCall): void {
    const detail = { name: from.name, ...askedDetail({ action: 'call', to, app }) }
    this.#log.recordFlood(`tool ${from.sub} ${app} ${to}`, { who: from.sub, what: 'tool', detail })
  }

  /** A member used files or programs of this machine, or asked in vain: what is more than its budget is counted. */
  machineUsed({ what, from, app, detail, often }: MachineUse): void {
    const given = { name: from.name, ...detail, ...(app !== undefined && { app }) }
    const told = Object.entries(given).map(
      ([key, text]) => [key, redactText(text).slice(0, memberDefaults.auditedPathChars)] as const,
    )
    const note = { who: from.sub, what, detail: Object.fromEntries(told) }
    if (often === true) this.#log.recordFlood(JSON.stringify(note), note)
    else this.#log.recordAct(JSON.stringify(note), note)
  }

  /** The owner of this machine let tools of an MCP server in. */
  toolsApproved({ server, hash, changes }: ToolApproval): void {
    const named = (wanted: string) => {
      const names = changes.filter(({ change }) => change === wanted).map(({ name }) => name)
      return names.length > 0 && { [wanted]: names.join(', ').slice(0, memberDefaults.auditedPathChars) }
    }
    const detail = { server, hash, ...named('new'), ...named('changed'), ...named('gone') }
    this.#log.record({ who: this.#self, what: 'tools.approve', detail })
  }

  /** A program of this machine asked for what it may not, here or at the member that it asked. */
  appDenied({ by, ...denial }: AppDenial): void {
    const detail = { by, ...askedDetail(denial) }
    const key = `denied app ${denial.app} ${by} ${denial.action} ${denial.to}`
    this.#log.recordFlood(key, { who: this.#self, what: 'denied', detail })
  }

  /** A relay refused a circuit or a reservation. */
  unserved(peerId: string, reason: string): void {
    this.#log.recordFlood(`unserved ${peerId} ${reason}`, { who: peerId, what: 'denied', detail: { reason } })
  }

  /** Two processes use one key. */
  cloned(peerId: string, detail: Record<string, unknown>): void {
    this.#log.recordFlood(`cloned ${peerId}`, { who: peerId, what: 'cloned', detail })
  }

  /** From now on. */
  follow({ credential, revocations, map }: Followed): void {
    credential.onRenewed(() => this.credentialGiven('renew', credential.claims))
    revocations.onCutOff(({ peerId, name, afterMs }) =>
      this.#log.record({
        who: peerId,
        what: 'cut-off',
        detail: { name, ...(afterMs === undefined ? {} : { afterMs }) },
      }),
    )
    map.onConflict(({ peerId, incarnation, kept, other }) =>
      this.#log.recordFlood(`conflict ${peerId}`, {
        who: peerId,
        what: 'conflict',
        detail: { incarnation, kept, other },
      }),
    )
  }

  stop(): Promise<void> {
    return this.#log.stop()
  }
}

interface Denial {
  readonly action: string
  /** `service:math.add` */
  readonly to: string
  /** The program that asked through its agent. */
  readonly app?: string | undefined
}

interface MemberDenial extends Denial {
  readonly from: Pick<Subject, 'sub' | 'name'>
  /** The owner of this machine, where the policy would have allowed it. */
  readonly by?: 'owner' | undefined
}

interface ToolCall {
  readonly from: Pick<Subject, 'sub' | 'name'>
  readonly to: string
  readonly app: string
}

export interface MachineUse {
  readonly what: 'files' | 'exec'
  readonly from: Pick<Subject, 'sub' | 'name'>
  /** The program that asked through its agent. */
  readonly app?: string | undefined
  readonly detail: Readonly<Record<string, string>>
  /** It changes nothing, so that members may cause it as often as they like: many are one entry with a count. */
  readonly often?: boolean
}

export interface ToolApproval {
  readonly server: string
  /** Of all tools that are approved now. */
  readonly hash: string
  /** Since the approval before. */
  readonly changes: readonly { readonly name: string; readonly change: 'new' | 'changed' | 'gone' }[]
}

export interface AppDenial extends Omit<Denial, 'action'> {
  /** To serve is an act of programs alone: the policy has none of it. */
  readonly action: Denial['action'] | 'serve'
  readonly app: string
  /** What denied it: the scope of its token, or the policy of the mesh at the member that it asked. */
  readonly by: 'scope' | 'policy'
}

const askedDetail = ({ action, to, app }: Omit<Denial, 'action'> & { action: string }) => ({
  action,
  target: to.slice(0, memberDefaults.auditedChars),
  ...(app !== undefined && { app: redactText(app).slice(0, memberDefaults.auditedChars) }),
})

interface Followed {
  credential: Pick<CredentialKeeper, 'onRenewed' | 'claims'>
  revocations: Pick<RevokedMembers, 'onCutOff'>
  map: Pick<MeshMap, 'onConflict'>
}

/** Asks the policy by `authorize`, then the owner of this machine; reports denials, and calls of AI assistants. */
export const toldTo =
  (authorize: Authorize, audit: Pick<MemberAudit, 'denied' | 'toolCalled'>): Authorize =>
  question => {
    let by: 'owner' | undefined
    try {
      authorize(question)
      by = 'owner'
      checkOwner(question)
    } catch (error) {
      audit.denied({ ...question, by })
      throw error
    }
    const { app, action } = question
    if (action === 'call' && isToolApp(app)) audit.toolCalled({ ...question, app })
  }
