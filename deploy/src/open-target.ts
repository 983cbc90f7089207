/** The target of an environment. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { commands, type Commands } from './commands.ts'
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
  /** Called for each command that is started. @returns called when it has ended */
  began(pid: number, command: string): () => void
}

/** @throws MeshError unavailable without the tools of the target, invalid_argument for a file of it that cannot be read */
export function openTarget(init: OpenTargetInit): Promise<Target> {
  const { environment, began } = init
  return open[init.kind]({ ...init, commands: commands({ env: environment.all, began }) })
}

interface OpenInit extends OpenTargetInit {
  commands: Commands
}

const open: Readonly<Record<Entry['target'], (init: OpenInit) => Promise<Target>>> = {
  docker: openDocker,
  async systemd({ environment, env, healthyMs, commands }) {
    const hosts = await readHosts(environment.hostsFile)
    return new SystemdTarget({ commands, hosts, env, healthyMs })
  },
  kubernetes({ environment, env: release, healthyMs, commands }) {
    const { chart, valuesFile, namespace = release } = environment
    const place = { release, namespace, chart, valuesFile }
    return Promise.resolve(new KubernetesTarget({ commands, ...place, healthyMs }))
  },
}

async function openDocker(init: OpenInit): Promise<Target> {
  const { environment, signal, env: project, healthyMs, commands } = init
  const { composeFiles: files, imagePrefix, releases } = environment
  const folder = folderOf(environment)
  const envFile = join(folder, project === 'compose' ? '.env' : `${project}.env`)
  const compose = await Compose.find(
    {
      commands,
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
