/** Where a member is, if it is to find that out itself. */
import { detectPlace, type DetectPlaceInit } from '../discovery/detected-place.ts'
import type { MemberSettings } from './options.ts'

/**
 * With `region: 'auto'` the settings have what was found, perhaps nothing; others are returned as they are. A zone that is given stays.
 * @param init for tests. @default the environment of this process, and the metadata service of EC2
 */
export async function placedSettings(
  settings: MemberSettings,
  init: Partial<DetectPlaceInit> = {},
): Promise<MemberSettings> {
  const { region: asked, ...others } = settings
  if (asked !== 'auto') return settings
  // eslint-disable-next-line no-restricted-properties -- the one place of the library that reads the environment
  const { region, zone } = await detectPlace({ env: process.env, ...init })
  const placed = { ...(zone !== undefined && { zone }), ...others }
  return region === undefined ? placed : { ...placed, region }
}
