/** A version in the place of the program stays there only if the services that run it get ready. */
import { MeshError, toMeshError } from '@agent-mesh/protocol/errors'

import { upgradeDefaults } from './defaults.ts'
import { versionOf, type InstalledProgram } from './installed-program.ts'
import { restartAll, runningVersion, type ProgramService } from './program-services.ts'
import { endTrial, replaceProgram, restoreProgram, type Files, type Pending } from './replace-program.ts'

export interface Trial {
  program: InstalledProgram
  files: Files
  services: readonly ProgramService[]
  /** ms that the services have until they are ready. */
  readyMs: number
  signal: AbortSignal
  /** What is being done, for people who wait. */
  say: (text: string) => void
}

/** The program is of this version already: a trial that was interrupted is finished, services that run another one are restarted. */
export async function settle(trial: Trial, version: string): Promise<void> {
  const { program, files, services, signal, readyMs } = trial
  if (files.unproven) return prove(trial, version)
  const up = services.filter(({ isUp }) => isUp)
  const running = await Promise.all(up.map(service => runningVersion(service, signal)))
  const behind = up.filter((_, i) => running[i] !== undefined && running[i] !== version)
  await restartAll(behind, version, readyMs, signal)
  await endTrial(program)
}

/** `next` takes the place of the program, and has to prove itself. @throws MeshError as {@link prove}; permission_denied, cancelled */
export async function tryOut(trial: Trial, tried: Pending): Promise<void> {
  if (trial.signal.aborted)
    throw new MeshError('cancelled', 'Cannot upgrade: interrupted, nothing was changed')
  await replaceProgram(trial.program, trial.files, tried)
  await prove(trial, tried.version)
}

/** Restarts what runs the program. When it does not get ready in time, or at Ctrl-C, the program of before is restored and restarted. */
async function prove(trial: Trial, version: string): Promise<void> {
  const { program, services, readyMs, signal, say } = trial
  const up = services.filter(({ isUp }) => isUp)
  try {
    say(`Waiting until ${version} is ready`)
    await restartAll(up, version, readyMs, signal)
  } catch (error) {
    await restore(trial, up, version, toMeshError(error, 'unavailable', `restart with ${version}`))
  }
  await endTrial(program)
}

async function restore(
  { program, readyMs, say }: Trial,
  up: readonly ProgramService[],
  version: string,
  why: MeshError,
): Promise<never> {
  const before = await versionOf(program.previous)
  if (before === undefined)
    throw new MeshError(
      why.code,
      `Cannot upgrade to ${version}: ${why.message}; no program from before is kept`,
    )
  say(`Going back to ${before}`)
  await restoreProgram(program)
  const went = `went back to ${before}`
  try {
    // What was interrupted is not left half done.
    await restartAll(up, before, Math.max(readyMs, upgradeDefaults.readyMs), new AbortController().signal)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MeshError(
      'unavailable',
      `Cannot upgrade to ${version}: ${why.message}; ${went}, which is not ready either: ${reason}`,
      { cause: why, hint: 'See "agent-mesh service logs" and "agent-mesh doctor".' },
    )
  }
  await endTrial(program)
  throw new MeshError(
    why.code,
    `Cannot upgrade to ${version}: ${why.message}; ${went}${up.length === 0 ? '' : ', which is ready'}`,
    {
      cause: why,
      hint: 'See "agent-mesh service logs".',
    },
  )
}
