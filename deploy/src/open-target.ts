/** The target of an environment: the installation of deploy/compose. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { commands } from './commands.ts'
import { Compose } from './docker/compose.ts'
import { DockerTarget } from './docker/docker-target.ts'
import { folderOf, type Environment } from './environment.ts'
import type { Target } from './target.ts'

export interface OpenTargetInit {
  environment: Environment
  signal: AbortSignal
  env: string
  healthyMs: number
  /** Called with the process of each command. @returns called when it has ended */
  began(pid: number): () => void
}

/** @throws MeshError unavailable without the tools of the target */
export async function openTarget(init: OpenTargetInit): Promise<Target> {
  const { environment, signal, env: project, healthyMs, began } = init
  const { composeFiles: files, imagePrefix, releases, all } = environment
  const folder = folderOf(environment)
  const envFile = join(folder, project === 'compose' ? '.env' : `${project}.env`)
  const compose = await Compose.find(
    {
      commands: commands({ env: all, began }),
      project,
      folder,
      files,
      envFile: existsSync(envFile) ? envFile : undefined,
      healthyMs,
    },
    signal,
  )
  return new DockerTarget({ compose, project, envFile, imagePrefix, backups: join(releases, 'backups') })
}
