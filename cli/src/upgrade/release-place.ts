/** Where releases are: a URL or a folder, of one release or of several in folders named by their versions. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { isIP } from 'node:net'
import { resolve } from 'node:path'

import { isVersion } from './release-version.ts'

export interface Wanted {
  /** Of the option, or as the installation recorded it. */
  from: string
  /** Whether `from` is an option of this command: a release named there is the one that is meant. */
  named: boolean
  /** A version. @default the newest */
  to: string | undefined
}

const isUrl = (from: string): boolean => /^https?:\/\//i.test(from)

/**
 * The folders in which the release may be, first come first. A version, with or without `v`, and `latest` are names of releases within
 * the place; GitHub has its newest release elsewhere.
 */
export function foldersOf({ from, named, to }: Wanted): string[] {
  const place = (isUrl(from) ? from : resolve(from)).replace(/\/+$/, '')
  const [, hub] = /^(https:\/\/.+\/releases)\/(?:latest\/download|download\/[^/]+)$/.exec(place) ?? []
  const name = place.slice(place.lastIndexOf('/') + 1)
  const isRelease = isVersion(name.replace(/^v/, ''))
  if (named && to === undefined && (isRelease || hub !== undefined)) return [place]
  if (hub !== undefined) return [to === undefined ? `${hub}/latest/download` : `${hub}/download/v${to}`]
  const releases = isRelease || name === 'latest' ? place.slice(0, -name.length - 1) : place
  const within = to === undefined ? [`${releases}/latest`] : [`${releases}/${to}`, `${releases}/v${to}`]
  // One release in a folder of another name.
  return releases === place ? [...within, place] : within
}

/**
 * SHA256SUMS comes from the place itself, so what changes files on their way changes both.
 * @param pinned whether the caller has the checksum from elsewhere
 * @throws MeshError invalid_argument
 */
export function checkPlace(place: string, pinned: boolean): void {
  if (!/^http:\/\//i.test(place) || pinned) return
  const host = URL.parse(place)?.hostname ?? ''
  if (host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'))) return
  throw new MeshError(
    'invalid_argument',
    `Cannot upgrade from ${place}: plain HTTP can be changed on its way`,
    {
      hint: 'Use https://, a folder, or name the checksum of the download with --sha256 HEX.',
    },
  )
}
