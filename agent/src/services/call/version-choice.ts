/** The version that a call with a range of versions asks for. */
import { MeshError } from '@agent-mesh/protocol'
import { checkOptions, namesOf } from '../../core/option-names.ts'
import type { CallTargets } from '../balance/call-targets.ts'
import type { ServiceContract } from '../contract/contract.ts'
import { parseVersionRange, type VersionRange } from '../contract/version-range.ts'
import { noProvider } from './call-errors.ts'
import type { Plan } from './plan.ts'

export interface ServiceOptions {
  /**
   * Versions that the contract fits: `1 || 2`, `1 - 3`, `>=2`, `*`. The newest with a provider that is believed to answer is asked.
   * @default the contract's alone
   */
  readonly version?: string | undefined
}

/** Aims a plan at another version of its service. @param peer name or peer id of the only member to ask */
export type Aim = (plan: Plan, peer: string | undefined) => Promise<Plan>

const serviceNames = namesOf<ServiceOptions>({ version: true })

type AimTargets = Pick<CallTargets, 'versions' | 'providers' | 'find'>

/** Of a client with a range of versions; undefined: it has none. @throws MeshError `invalid_argument` for what is no option or range */
export function aimOf(
  targets: AimTargets,
  contract: ServiceContract,
  options: ServiceOptions,
): Aim | undefined {
  const action = `call ${contract.name}`
  checkOptions(options, serviceNames, action)
  const { version } = options
  return version === undefined ? undefined : newestOf(targets, contract, parseVersionRange(version, action))
}

/**
 * Takes the newest version of the range with a provider that is believed to answer; if there is none, with one that may; else any
 * that is known. When no member lists one, the version of the contract stays if the range has it: its provider may be back soon.
 * The plan is aimed once: its tries stay with one version. @throws MeshError `unavailable`
 */
const newestOf =
  (
    targets: AimTargets,
    { name, version: own }: Pick<ServiceContract, 'name' | 'version'>,
    range: VersionRange,
  ): Aim =>
  async (plan, peer) => {
    const versions = (await targets.versions(name)).filter(range.includes).sort((a, b) => b - a)
    const only = peer === undefined ? undefined : await targets.find(peer)
    const known = await Promise.all(
      versions.map(async version => {
        const { good, doubtful, offline } = await targets.providers(`${name}@${version}`)
        const has = (peers: readonly string[]) =>
          only === undefined ? peers.length > 0 : peers.includes(only)
        return { version, good: has(good), doubtful: has(doubtful), offline: has(offline) }
      }),
    )
    const chosen =
      known.find(({ good }) => good) ??
      known.find(({ doubtful }) => doubtful) ??
      known.find(({ offline }) => offline)
    if (chosen !== undefined) return atVersion(plan, name, chosen.version)
    if (range.includes(own)) return plan
    throw noProvider({ ...plan, service: `${name} ${range.text}` }, false)
  }

function atVersion(plan: Plan, name: string, version: number): Plan {
  const service = `${name}@${version}`
  return { ...plan, service, wireName: `${service}${plan.wireName.slice(plan.wireName.lastIndexOf('.'))}` }
}

/** A stream asks for the version of its contract. */
export const noRange = (method: string): MeshError =>
  new MeshError('unsupported', `Cannot call ${method}: a stream takes no range of versions`, {
    hint: 'Call streams through agent.service(contract) without a version.',
  })

export const aimed = async (plan: Plan | Promise<Plan>, aim: Aim, peer: string | undefined): Promise<Plan> =>
  aim(await plan, peer)
