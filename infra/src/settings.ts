import type { Node } from 'constructs'

import { parseSettings, type Settings } from './settings/parse-settings.ts'

export type { Settings } from './settings/parse-settings.ts'

/** Context of the CDK's own, and what its commands put there: `aws:cdk:…`, `@aws-cdk/…`, `availability-zones:account=…`. */
const ofTheCdk = /[:/@]|^cli-telemetry$|^stack$/

/**
 * The settings of `-c name=value`.
 * @throws MeshError as {@link parseSettings} does
 */
export function readSettings(node: Node): Settings {
  const context = node.getAllContext() as Readonly<Record<string, unknown>>
  const given = Object.entries(context).filter(([name, value]) => !ofTheCdk.test(name) && value !== undefined)
  return parseSettings(Object.fromEntries(given.map(([name, value]) => [name, String(value)])))
}
