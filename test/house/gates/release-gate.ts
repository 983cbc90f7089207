/** A release made for the gate: publint and arethetypeswrong accept its packages, its bill of materials has allowed licences. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { faultless, program, type Gate, type Verdict } from './gate.ts'
import { isAllowed } from './licences.ts'

interface Component {
  name: string
  version: string
  licenses: readonly { license?: { id: string }; expression?: string }[]
}

/** @returns a line for each component without an allowed licence */
export const componentFaults = (components: readonly Component[]): string[] =>
  components.flatMap(({ name, version, licenses }) => {
    const said = licenses.map(({ license, expression }) => license?.id ?? expression ?? '')
    return said.length > 0 && said.every(isAllowed)
      ? []
      : [`${name}@${version} has ${said.join(', ') || 'no licence'} in the bill of materials`]
  })

/** The bill of materials names what one platform has as it names what all have. */
const few = process.platform === 'linux' && process.arch === 'x64' ? ['--platforms', 'linux-x64'] : []

async function judged(folder: string): Promise<Verdict> {
  const { code, said } = await program([
    'node',
    'cli/build/release/main.ts',
    '--out',
    folder,
    '--json',
    ...few,
  ])
  if (code !== 0) return { result: 'failed', said }
  const text = await readFile(join(folder, 'agent-mesh.cdx.json'), 'utf8')
  const { components } = JSON.parse(text) as { components: readonly Component[] }
  const { size } = await stat(join(folder, 'SHA256SUMS'))
  const faults = [
    ...componentFaults(components),
    ...(components.length < 50 ? [`the bill of materials has ${components.length} components only`] : []),
    ...(size === 0 ? ['SHA256SUMS is empty'] : []),
  ]
  return faultless(faults, `${components.length} components`)
}

export const release: Gate = {
  name: 'packages (publint, attw, SBOM)',
  fast: false,
  run: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-release-'))
    try {
      return await judged(folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
}
