/** `agent-mesh upgrade`: another version in the place of the program, and the way back when it does not get ready. */
import { replaceFile } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { readFile } from 'node:fs/promises'

import { fetchProgram } from './fetch-program.ts'
import { findRelease, type Release } from './find-release.ts'
import { versionOf, type InstalledProgram } from './installed-program.ts'
import { servicesOf, type ProgramService } from './program-services.ts'
import type { Access } from './read-release.ts'
import { checkPlace } from './release-place.ts'
import { compareVersions } from './release-version.ts'
import { readFiles, stagePrevious, type Files } from './replace-program.ts'
import { settle, tryOut } from './trial.ts'

export interface UpgradeInit {
  program: InstalledProgram
  to: string | undefined
  /** URL or folder. @default where the program was installed from */
  from: string | undefined
  /** Expected of the download. */
  sha256: string | undefined
  /** ms that the services have until they are ready. */
  readyMs: number
  access: Access
  /** What is being done, for people who wait. */
  say: (text: string) => void
}

export interface Upgraded {
  outcome: 'upgraded' | 'back' | 'current' | 'planned'
  program: string
  /** What it is now, or would be. */
  version: string
  /** What it was. */
  before: string | undefined
  /** Where the release is; undefined for the way back. */
  release?: string
  /** Restarted, or to be. */
  services: string[]
  /** Left stopped. */
  stopped: string[]
  /** SHA256SUMS has no signature. */
  signed: false
}

/** What an upgrade would do. @throws MeshError as {@link upgrade} */
export async function plan(init: UpgradeInit): Promise<Upgraded> {
  const files = await readFiles(init.program)
  const services = await servicesOf(init.program.path, init.access.signal)
  const release = await chosen(init, files)
  const outcome = release.version === files.current ? 'current' : 'planned'
  return reported(outcome, init, files, release.version, services, release)
}

/** Needs the lock. @throws MeshError deadline_exceeded when it went back, unavailable when that is not ready either */
export async function upgrade(init: UpgradeInit): Promise<Upgraded> {
  const { program, access, say } = init
  const files = await readFiles(program)
  const services = await servicesOf(program.path, access.signal)
  const trial = { ...init, files, services, signal: access.signal }
  const release = await chosen(init, files)
  const report = (outcome: Upgraded['outcome']) =>
    reported(outcome, init, files, release.version, services, release)
  if (release.version === files.current) {
    await settle(trial, release.version)
    return report(files.unproven ? 'upgraded' : 'current')
  }
  say(`Downloading ${release.version}`)
  await fetchProgram(program, release, init.sha256, access)
  await tryOut(trial, { version: release.version, back: false })
  if (/^https?:/i.test(init.from ?? '')) await replaceFile(program.source, `${init.from}\n`)
  return report('upgraded')
}

/** The kept program takes its place again, and the other one is kept. Needs the lock. @throws MeshError as {@link upgrade}; not_found */
export async function goBack(init: UpgradeInit): Promise<Upgraded> {
  const { program, access } = init
  const files = await readFiles(program)
  const services = await servicesOf(program.path, access.signal)
  const trial = { ...init, files, services, signal: access.signal }
  const { pending, previous } = files
  const begun =
    pending?.back === true && !files.unproven && (await versionOf(program.next)) === pending.version
  // A way back that was interrupted is finished; run once more it would lead forth again.
  const isDone = pending?.back === true && files.unproven
  const version = begun || isDone ? pending.version : previous
  if (version === undefined)
    throw new MeshError('not_found', `Cannot go back: no program from before is kept in ${program.folder}`)
  const report = (outcome: Upgraded['outcome']) => reported(outcome, init, files, version, services)
  if (version === files.current) {
    await settle(trial, version)
    return report(isDone ? 'back' : 'current')
  }
  if (!begun) await stagePrevious(program)
  await tryOut(trial, { version, back: true })
  return report('back')
}

async function chosen(
  { program, to, from, access }: UpgradeInit,
  { current, unproven }: Files,
): Promise<Release> {
  const place = from ?? (await readFile(program.source, 'utf8').catch(() => '')).trim()
  if (place === '')
    throw new MeshError(
      'invalid_argument',
      `Cannot upgrade ${program.path}: it is not known where releases are`,
      {
        hint: 'Name the place once: --from URL.',
      },
    )
  checkPlace(place, access.pinned)
  const release = await findRelease({ from: place, named: from !== undefined, to }, access)
  const isOlder = current !== undefined && compareVersions(release.version, current) < 0
  if (isOlder && to === undefined && !unproven)
    throw new MeshError(
      'conflict',
      `Cannot upgrade to ${release.version}: ${current}, which is newer, is installed`,
      {
        hint: `To install the older one: --to ${release.version}`,
      },
    )
  return release
}

function reported(
  outcome: Upgraded['outcome'],
  { program }: Pick<UpgradeInit, 'program'>,
  { current }: Files,
  version: string,
  services: readonly ProgramService[],
  release?: Release,
): Upgraded {
  const named = (up: boolean) => services.filter(({ isUp }) => isUp === up).map(({ spec }) => spec.name)
  return {
    outcome,
    program: program.path,
    version,
    before: current,
    ...(release !== undefined && { release: release.folder }),
    services: named(true),
    stopped: named(false),
    signed: false,
  }
}
