/** What the variables of this process say; nothing else of deploy/ reads them. */
import { dirname, join, resolve } from 'node:path'

export interface Environment {
  /** Folder of histories, locks and backups. */
  releases: string
  /** Before the role in the names of images. */
  imagePrefix: string
  /** The first is beside the file of variables. */
  composeFiles: readonly string[]
  /** The machines of `systemd`. */
  hostsFile: string
  /** All values of the release of `kubernetes`. */
  valuesFile: string
  /** Of Kubernetes. @default the name of the environment */
  namespace: string | undefined
  /** Folder of the Helm chart. */
  chart: string
  /** For the programs that are run. */
  all: NodeJS.ProcessEnv
}

const deploy = join(import.meta.dirname, '..')

// eslint-disable-next-line no-restricted-properties -- this is the file that reads it
export function environment(env: NodeJS.ProcessEnv = process.env): Environment {
  const given = (env['COMPOSE_FILE'] ?? '').split(':').filter(Boolean)
  return {
    releases: resolve(env['AGENT_MESH_RELEASES'] ?? join(deploy, 'releases')),
    imagePrefix: env['AGENT_MESH_IMAGES'] ?? 'agent-mesh-',
    composeFiles: (given.length > 0 ? given : [join(deploy, 'compose', 'compose.yaml')]).map(it =>
      resolve(it),
    ),
    hostsFile: resolve(env['AGENT_MESH_HOSTS'] ?? join(deploy, 'hosts.json')),
    valuesFile: resolve(env['AGENT_MESH_VALUES'] ?? join(deploy, 'values.yaml')),
    namespace: env['AGENT_MESH_NAMESPACE'],
    chart: join(deploy, 'kubernetes', 'agent-mesh'),
    all: env,
  }
}

/** Where Compose looks for relative paths, and for `.env`. */
export const folderOf = ({ composeFiles: [first = ''] }: Environment): string => dirname(first)
