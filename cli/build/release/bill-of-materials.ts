import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Metafile } from 'esbuild'

/** What of a package.json is said of a component. */
interface Component {
  name: string
  version: string
  license?: string | { type: string }
}

const inPackage = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//

/**
 * CycloneDX 1.6 of what is in the bundles, from the list of their inputs: npm's own would name all that was installed, and not
 * what was used. Beside it what single files hold.
 * @param also package folders whose files are copied
 * @param nodes versions of Node in single files
 */
export async function billOfMaterials(
  root: string,
  version: string,
  bundles: readonly Metafile[],
  also: readonly string[],
  nodes: readonly string[],
): Promise<object> {
  const inputs = bundles.flatMap(({ inputs }) => Object.keys(inputs))
  const folders = new Set([...inputs.flatMap(input => inPackage.exec(input)?.[1] ?? []), ...also])
  const packages = await Promise.all(
    [...folders].map(
      async folder => JSON.parse(await readFile(resolve(root, folder, 'package.json'), 'utf8')) as Component,
    ),
  )
  const platforms = nodes.map(of => ({
    ...entry({ name: 'node', version: of, license: 'MIT' }),
    type: 'platform',
  }))
  const byRef = new Map([...packages.map(entry), ...platforms].map(one => [one['bom-ref'], one]))
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${randomUUID()}`,
    version: 1,
    metadata: {
      timestamp: new Date().toISOString(),
      component: { type: 'application', 'bom-ref': `agent-mesh@${version}`, name: 'agent-mesh', version },
    },
    components: [...byRef.values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
  }
}

function entry({ name, version, license }: Component) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  const id = typeof license === 'string' ? license : license?.type
  // An expression such as `(MIT OR CC0-1.0)` has a field of its own.
  const licenses = id === undefined ? [] : /[ ()]/.test(id) ? [{ expression: id }] : [{ license: { id } }]
  return { type: 'library', 'bom-ref': purl, name, version, purl, licenses }
}
