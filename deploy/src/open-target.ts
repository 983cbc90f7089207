/** The target of an environment. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { commands } from './commands.ts'
import { Compose } from './docker/compose.ts'
import { DockerTarget } from './docker/docker-target.ts'
import { folderOf, type Environment } from './environment.ts'
import type { Entry } from './history.ts'
import { KubernetesTarget } from './kubernetes/kubernetes-target.ts'
import { readHosts } from './systemd/hosts-file.ts'
import { SystemdTarget } from './systemd/systemd-target.ts'
import type { Target } from './target.ts'

export interface OpenTargetInit {
  kind: Entry['target']
  environment: Environment
  signal: AbortSignal
  env: string
  healthyMs: number
  /** Called with the process of each command. @returns called when it has ended */
  began(pid: number): () => void
}

/** @throws MeshError unavailable without the tools of the target, invalid_argument for a file of it that cannot be read */
export function openTarget(init: OpenTargetInit): Promise<Target> {
  return open[init.kind](init)
}

const open: Readonly<Record<Entry['target'], (init: OpenTargetInit) => Promise<Target>>> = {
  docker: openDocker,
  async systemd({ environment: { hostsFile, all }, env, healthyMs, began }) {
    const hosts = await readHosts(hostsFile)
    return new SystemdTarget({ commands: commands({ env: all, began }), hosts, env, healthyMs })
  },
  kubernetes({ environment, env: release, healthyMs, began }) {
    const { chart, valuesFile, namespace = release, all } = environment
    const place = { release, namespace, chart, valuesFile }
    const target = new KubernetesTarget({ commands: commands({ env: all, began }), ...place, healthyMs })
    return Promise.resolve(target)
  },
}

async function openDocker(init: OpenTargetInit): Promise<Target> {
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
  const backups = join(releases, 'backups')
  return new DockerTarget({ compose, project, envFile, imagePrefix, backups })
}
