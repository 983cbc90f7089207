/** What is to be deployed: what was, with what the command says. */
import { checkSettingName, valueOf } from '@agent-mesh/infra/settings/parse-settings'
import { MeshError } from '@agent-mesh/protocol/errors'

import type { Deployment } from './deployment-file.ts'

export interface DeployChanges {
  /** @default the one deployed from this context, else `usualStack` */
  stack?: string
  profile?: string
  region?: string
  /** `name=value`; an empty value is none. */
  set: readonly string[]
  /** Names of settings that go back to their defaults. */
  unset: readonly string[]
}

/**
 * @param last what was deployed from this context
 * @throws MeshError invalid_argument and not_found for settings, conflict when another stack or region was deployed
 */
export function nextDeployment(
  last: Deployment | undefined,
  changes: DeployChanges,
  usualStack: string,
): Deployment {
  const { stack, profile, region } = changes
  if (last !== undefined) {
    refuseOther('stack', last.stack, stack)
    refuseOther('region', last.region, region)
  }
  const place = { profile: profile ?? last?.profile, region: region ?? last?.region }
  return {
    stack: stack ?? last?.stack ?? usualStack,
    ...(place.profile === undefined ? {} : { profile: place.profile }),
    ...(place.region === undefined ? {} : { region: place.region }),
    settings: changedSettings(last?.settings ?? {}, changes),
    stacks: last?.stacks ?? [],
    ...(last?.data === undefined ? {} : { data: last.data }),
  }
}

/** A second stack from one context would be a second mesh with the same root key. */
function refuseOther(what: string, deployed: string | undefined, wanted: string | undefined): void {
  if (wanted === undefined || deployed === undefined || wanted === deployed) return
  throw new MeshError('conflict', `Cannot use ${what} ${wanted}: this context has ${what} ${deployed}`, {
    hint: 'For another mesh use another context: --context NAME.',
  })
}

function changedSettings(
  last: Readonly<Record<string, string>>,
  { set, unset }: Pick<DeployChanges, 'set' | 'unset'>,
): Record<string, string> {
  const settings = new Map(Object.entries(last))
  for (const name of unset) {
    checkSettingName(name)
    settings.delete(name)
  }
  for (const [name, value] of set.map(settingOf))
    if (value === '') settings.delete(name)
    else settings.set(name, value)
  return Object.fromEntries([...settings].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function settingOf(text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new MeshError('invalid_argument', `Cannot use setting ${text}: it is not NAME=VALUE`)
  checkSettingName(name)
  valueOf(name, value)
  return [name, value]
}
