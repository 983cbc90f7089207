/** Which stacks settings ask for, and the settings as the CDK takes them. */
import { parseSettings } from '@agent-mesh/infra/settings/parse-settings'
import { stackNames } from '@agent-mesh/infra/settings/stack-names'

import type { Deployment } from './deployment-file.ts'
import { lookAtTable, prepareTable } from './named-table.ts'

/** In the place of a stream that is not turned on yet: a template shows what would be. */
const noStream = 'arn:aws:dynamodb:::table/none/stream/none'

export interface WantedStacks {
  data: string | undefined
  controlPlane: string
  relays: string | undefined
}

/** @throws MeshError as parseSettings does */
export function wantedStacks({ stack, settings }: Pick<Deployment, 'stack' | 'settings'>): WantedStacks {
  const names = stackNames(stack)
  const { table, authorityKeyArns, relays } = parseSettings(withStream(settings))
  return {
    data: table !== undefined && authorityKeyArns !== undefined ? undefined : names.data,
    controlPlane: names.controlPlane,
    relays: relays > 0 ? names.relays : undefined,
  }
}

/**
 * The same deployment with settings by which the app has all stacks that are deployed: a deployment that failed, or adopted a table,
 * has settings that ask for some of them no more, and the CDK destroys none that the app has not.
 */
export function withDeployedStacks<D extends Pick<Deployment, 'stack' | 'settings' | 'stacks'>>(
  deployment: D,
): D {
  const { stack, settings, stacks } = deployment
  const names = stackNames(stack)
  const wanted = wantedStacks(deployment)
  const { tableName: _, tableStreamArn: __, authorityKeyArn: ___, ...others } = settings
  const lacksData = wanted.data === undefined && stacks.includes(names.data)
  const lacksRelays = wanted.relays === undefined && stacks.includes(names.relays)
  return {
    ...deployment,
    settings: { ...(lacksData ? others : settings), ...(lacksRelays ? { relays: '1' } : {}) },
  }
}

const withStream = (settings: Readonly<Record<string, string>>, arn = noStream): Record<string, string> =>
  settings['tableName'] === undefined || settings['tableStreamArn'] !== undefined
    ? { ...settings }
    : { ...settings, tableStreamArn: arn }

export const isProtected = ({ settings }: Pick<Deployment, 'settings'>): boolean =>
  parseSettings(withStream(settings)).protectData

/** For a command that changes no stream: `name=value` of each setting. */
export const settingsAsTheyAre = ({ settings }: Pick<Deployment, 'settings'>): string[] =>
  texts(withStream(settings))

/** For one that shows changes: with the stream of the table that settings name. */
export async function settingsToShow(
  { settings }: Pick<Deployment, 'settings'>,
  signal: AbortSignal,
): Promise<string[]> {
  const { tableName } = settings
  const { streamArn = undefined } = tableName === undefined ? {} : await lookAtTable(tableName, signal)
  return texts(withStream(settings, streamArn))
}

/** For a deployment: the table that settings name is made ready, so that its stream can be read. */
export async function settingsToDeploy(
  deployment: Pick<Deployment, 'settings'>,
  signal: AbortSignal,
): Promise<string[]> {
  const { tableName } = deployment.settings
  const streamArn =
    tableName === undefined ? undefined : await prepareTable(tableName, isProtected(deployment), signal)
  return texts(withStream(deployment.settings, streamArn))
}

const texts = (settings: Readonly<Record<string, string>>): string[] =>
  Object.entries(settings).map(([name, value]) => `${name}=${value}`)
