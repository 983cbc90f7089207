/** Installs and removes the definition of a service, and has the manager start and stop it. Each may be run again. */
import { fileFailure } from '@agent-mesh/agent/identity/private-file'
import { MeshError } from '@agent-mesh/protocol/errors'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { protect } from './protect.ts'
import { runTool } from './run-tool.ts'
import type { ServiceManager, ToolCall } from './service-manager.ts'
import type { ServiceSpec } from './service-spec.ts'

export interface InstallPlan {
  manager: ServiceManager
  spec: ServiceSpec
  /** For `spec.tokenFile`. */
  token: string | undefined
  /** Files are written below it, and nothing is started. */
  root: string | undefined
  start: boolean
}

export interface Installed {
  service: string
  file: string
  data: string
  /** Whether the definition is new or another than before. */
  changed: boolean
  started: boolean
}

/** What an installation does: for `--dry-run`. */
export function stepsOf({ manager, spec, root, start }: Omit<InstallPlan, 'token'>) {
  const file = manager.file(spec)
  const protection = root === undefined ? manager.protect?.(spec) : undefined
  const tools: ToolCall[] =
    root === undefined
      ? [...manager.enable(spec), ...(start ? manager.start(spec) : [])]
      : manager.enableBelow(root, spec)
  return { file: { ...file, path: below(root, file.path) }, protection, tools }
}

const below = (root: string | undefined, path: string): string =>
  root === undefined ? path : join(root, path)

/** @throws MeshError conflict for a folder that others could write, permission_denied, unavailable, unsupported, cancelled */
export async function install(plan: InstallPlan, signal: AbortSignal): Promise<Installed> {
  const { manager, spec, token, root, start } = plan
  const { file, protection, tools } = stepsOf(plan)
  if (protection !== undefined) await protect(protection, signal)
  if (spec.tokenFile !== undefined && token !== undefined)
    await write(below(root, spec.tokenFile), `${token}\n`, 0o600)
  const before = await readFile(file.path, 'utf8').catch(() => undefined)
  const changed = before !== file.text
  if (changed) await write(file.path, file.text, 0o644)
  const started = start && root === undefined
  const isCurrent = !changed && started && token === undefined && (await isRunning(manager, spec, signal))
  if (!isCurrent) for (const tool of tools) await runTool(tool, signal)
  return { service: spec.name, file: file.path, data: below(root, spec.data), changed, started }
}

async function isRunning(manager: ServiceManager, spec: ServiceSpec, signal: AbortSignal): Promise<boolean> {
  const shown = await runTool(manager.show(spec), signal).catch(() => undefined)
  return shown !== undefined && manager.readState(shown).running
}

/** The data folder stays. @returns whether there was one @throws MeshError permission_denied, unavailable, unsupported, cancelled */
export async function uninstall(
  { manager, spec, root }: Pick<InstallPlan, 'manager' | 'spec' | 'root'>,
  signal: AbortSignal,
): Promise<boolean> {
  const path = below(root, manager.file(spec).path)
  if (!(await isInstalled(path))) return false
  if (root === undefined)
    for (const tool of manager.stop(spec))
      await runTool(tool, signal).catch((error: unknown) => {
        // It may be installed and never started.
        if (error instanceof MeshError && error.code === 'unavailable') return
        throw error
      })
  for (const file of [path, ...(spec.tokenFile === undefined ? [] : [below(root, spec.tokenFile)])])
    await rm(file, { force: true }).catch((error: unknown) => {
      throw fileFailure(`remove ${file}`, error)
    })
  if (root === undefined) for (const tool of manager.forget(spec)) await runTool(tool, signal)
  return true
}

export const isInstalled = (path: string): Promise<boolean> =>
  readFile(path).then(
    () => true,
    () => false,
  )

async function write(path: string, text: string, mode: number): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 })
    // What was written with other rights before keeps them, unless it is made anew.
    await rm(path, { force: true })
    await writeFile(path, text, { mode, flag: 'wx' })
  } catch (error) {
    throw fileFailure(`write ${path}`, error)
  }
}
