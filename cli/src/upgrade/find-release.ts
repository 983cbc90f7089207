/** Finds a release at its place, by the file SHA256SUMS, which names all files and with them its version. */
import { MeshError } from '@agent-mesh/protocol/errors'

import { upgradeDefaults } from './defaults.ts'
import { programFile } from './program-file.ts'
import { openReleaseFile, whileReading, type Access } from './read-release.ts'
import { foldersOf, type Wanted } from './release-place.ts'
import { isVersion } from './release-version.ts'

export interface Release {
  version: string
  /** URL or path of its folder. */
  folder: string
  /** Its program for this platform. */
  file: string
  /** Of that file, hexadecimal. */
  sha256: string
}

/** @throws MeshError not_found, protocol_error, unavailable, permission_denied, cancelled */
export async function findRelease(wanted: Wanted, access: Access): Promise<Release> {
  const folders = foldersOf(wanted)
  for (const folder of folders) {
    const sums = await openReleaseFile(folder, 'SHA256SUMS', upgradeDefaults.checksumsMs, access)
    if (sums === undefined) continue
    const address = `${folder}/SHA256SUMS`
    const release = releaseOf(folder, await textOf(address, sums, access.signal))
    if (wanted.to === undefined || release.version === wanted.to) return release
  }
  const what = wanted.to === undefined ? 'a release' : `release ${wanted.to}`
  throw new MeshError('not_found', `Cannot find ${what}: no SHA256SUMS of it in ${folders.join(', ')}`, {
    hint: 'Name where releases are with --from URL, and a version with --to V.',
  })
}

async function textOf(address: string, stream: AsyncIterable<Buffer>, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of stream) {
      bytes += chunk.byteLength
      if (bytes > upgradeDefaults.checksumsBytes)
        throw new MeshError(
          'too_large',
          `Cannot read ${address}: over ${upgradeDefaults.checksumsBytes} bytes`,
        )
      chunks.push(chunk)
    }
  } catch (error) {
    throw whileReading(address, signal, error)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** @param sums lines as of sha256sum(1) @throws MeshError protocol_error, unsupported */
export function releaseOf(folder: string, sums: string): Release {
  const lines = sums.split('\n').flatMap(line => {
    const [, sha256, name] = /^([0-9a-f]{64}) [ *]([\w.~+-]{1,200})$/.exec(line.trimEnd()) ?? []
    return sha256 === undefined || name === undefined ? [] : [{ sha256, name }]
  })
  const [version, another] = lines.flatMap(({ name }) => {
    const [, found = ''] = /^agent-mesh-(\d.*)\.tgz$/.exec(name) ?? []
    return isVersion(found) ? [found] : []
  })
  if (version === undefined || another !== undefined)
    throw new MeshError('protocol_error', `Cannot read ${folder}/SHA256SUMS: it does not name one release`)
  const file = programFile(process.platform, process.arch)
  const found = lines.find(({ name }) => name === file)
  if (found === undefined)
    throw new MeshError('unsupported', `Cannot upgrade to ${version}: the release has no ${file}`, {
      hint: 'With Node 22.15 or newer: npm install --global agent-mesh',
    })
  return { version, folder, file, sha256: found.sha256 }
}
