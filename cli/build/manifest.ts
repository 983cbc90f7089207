import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Manifest {
  name: string
  version: string
  description: string
  license: string
  type: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  [field: string]: unknown
}

/** @param folder below `root` */
export const readManifest = async (root: string, folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')) as Manifest

/** The native part of WebRTC, which no bundle can hold; without it paths are direct or over relays. */
export async function nativeWebRtc(root: string): Promise<Record<string, string>> {
  return (await readManifest(root, 'node_modules/node-datachannel')).optionalDependencies ?? {}
}

const repositoryFields = { engines: { node: '>=24' } }

/**
 * The package.json that is published from `dist`. It is a file of its own because npm publishes `exports` as they
 * are, and those of the checkout name the sources.
 */
export function publishableManifest(manifest: Manifest, kind: 'library' | 'command'): Manifest {
  const { name, version, description, license, type, dependencies = {} } = manifest
  const { peerDependencies, peerDependenciesMeta } = manifest
  const common = { name, version, description, license, type }
  // The bundle holds its dependencies; the launcher in it runs on any Node and finds Node 24.
  if (kind === 'command')
    return { ...common, engines: { node: '>=20' }, bin: { 'agent-mesh': 'bin/agent-mesh.js' } }
  const { './*': _, ...extra } = (manifest['exports'] ?? {}) as Record<string, string>
  return {
    ...common,
    ...repositoryFields,
    exports: {
      ...Object.fromEntries(Object.entries(extra).filter(([, path]) => path.endsWith('.json'))),
      '.': { types: './index.d.ts', default: './index.js' },
      ...namedEntries(extra),
      './*': { types: './*.d.ts', default: './*.js' },
    },
    dependencies,
    ...(peerDependencies !== undefined && { peerDependencies, peerDependenciesMeta }),
  }
}

/** Entries with a name of their own, such as `./testing`. */
const namedEntries = (exports: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(exports)
      .filter(([, path]) => path.endsWith('.ts'))
      .map(([name, path]) => {
        const built = path.replace('./src/', './').replace(/\.ts$/, '')
        return [name, { types: `${built}.d.ts`, default: `${built}.js` }]
      }),
  )
