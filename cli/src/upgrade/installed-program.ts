/** The program that an upgrade replaces, and the folder beside it with what an upgrade needs. */
import { fileFailure } from '@agent-mesh/agent/identity/private-file'
import { takeLock } from '@agent-mesh/agent/identity/lock'
import { MeshError } from '@agent-mesh/protocol/errors'
import { execFile } from 'node:child_process'
import { mkdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isSea } from 'node:sea'
import { promisify } from 'node:util'

import { childEnvironment } from '../settings.ts'
import { upgradeDefaults } from './defaults.ts'

const run = promisify(execFile)
const folderName = '.agent-mesh'

export interface InstalledProgram {
  /** Absolute, no link. */
  path: string
  /** Beside it, so that each step is one rename; mode 0700. */
  folder: string
  /** The program of before. */
  previous: string
  /** The one that will take its place. */
  next: string
  /** Where it is moved to meanwhile on Windows, which replaces no file of a program that runs, but renames it. */
  replaced?: string
  /** Which version is being tried. */
  pending: string
  /** Where it was installed from; install.sh writes it, too. */
  source: string
}

/** @param named of the option. @default the program of this process @throws MeshError unsupported, invalid_argument, permission_denied */
export async function installedProgram(
  named: string | undefined,
  platform = process.platform,
): Promise<InstalledProgram> {
  const isWindows = platform === 'win32'
  // Windows runs no file without it.
  const ending = isWindows ? '.exe' : ''
  if (named === undefined && !isSea()) throw notAFile(process.argv[1] ?? '')
  const given = named ?? process.execPath
  const path = await realpath(given).catch((error: unknown) => {
    throw fileFailure(`upgrade ${given}`, error)
  })
  if (!(await stat(path)).isFile())
    throw new MeshError('invalid_argument', `Cannot upgrade ${path}: it is no file`)
  if (basename(dirname(path)) === folderName)
    throw new MeshError('invalid_argument', `Cannot upgrade ${path}: it is the copy kept by an upgrade`, {
      hint: `Name the program: --program ${join(dirname(dirname(path)), `agent-mesh${ending}`)}`,
    })
  await checkPackage(path)
  const folder = join(dirname(path), folderName)
  const within = (name: string) => join(folder, name)
  const runnable = (name: string) => within(name + ending)
  const names = { previous: runnable('previous'), next: runnable('next'), pending: within('pending') }
  const aside = isWindows && { replaced: runnable('replaced') }
  return { path, folder, ...names, ...aside, source: within('from') }
}

/** A package manager would undo, or stumble over, what is changed behind it. */
async function checkPackage(path: string): Promise<void> {
  const owner = await run('dpkg-query', ['--search', path]).catch(() => undefined)
  if (owner === undefined) return
  throw new MeshError('unsupported', `Cannot upgrade ${path}: it belongs to a Debian package`, {
    hint: 'Download agent-mesh_V_ARCH.deb of the release, then: sudo apt install ./agent-mesh_V_ARCH.deb',
  })
}

/** @param script of the command, run by Node */
export function notAFile(script: string): MeshError {
  const ways: readonly (readonly [RegExp, string, string])[] = [
    [/\/_npx\//, 'npx runs it', 'npx agent-mesh@latest'],
    [/\/lib\/node_modules\/agent-mesh\//, 'npm installed it', 'npm install --global agent-mesh@latest'],
    [/\/node_modules\/agent-mesh\//, 'npm installed it', 'npm install agent-mesh@latest'],
    [/\/cli\/bin\/agent-mesh\.js$/, 'it runs from a checkout', 'git pull && npm ci'],
  ]
  const [, reason, instead] = ways.find(([path]) => path.test(script)) ?? []
  return new MeshError('unsupported', `Cannot upgrade: ${reason ?? 'this is not the single file'}`, {
    hint: `${instead === undefined ? 'Install the package or image of the newer version' : `Run instead: ${instead}`}; or name a single file with --program FILE.`,
  })
}

/** One upgrade at a time; ends with the process. @throws MeshError conflict, permission_denied, unavailable */
export async function lockProgram(
  { folder, path }: InstalledProgram,
  platform = process.platform,
): Promise<() => void> {
  try {
    await mkdir(folder, { mode: 0o700, recursive: true })
  } catch (error) {
    const { code, message } = fileFailure(`upgrade ${path}: make ${folder}`, error)
    throw new MeshError(code, message, {
      cause: error,
      hint: 'Run it as the user who installed it, or as root.',
    })
  }
  const { mode } = await stat(folder)
  // Windows has no such bits: Node shows them set.
  if (platform !== 'win32' && (mode & 0o022) !== 0)
    throw new MeshError('permission_denied', `Cannot upgrade ${path}: others may write ${folder}`, {
      hint: `If no other user did: chmod 700 ${folder}`,
    })
  const lock = takeLock(join(folder, 'lock'))
  if (lock !== undefined) return () => lock.release()
  throw new MeshError('conflict', `Cannot upgrade ${path}: another upgrade of it runs`)
}

/** What a program says; undefined when it does not start. */
export async function versionOf(path: string): Promise<string | undefined> {
  const options = { timeout: upgradeDefaults.versionMs, env: childEnvironment(undefined) }
  const ran = await run(path, ['--version'], options).catch(() => undefined)
  return ran?.stdout.trim()
}
