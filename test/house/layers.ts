import { cruise, type ICruiseResult } from 'dependency-cruiser'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { drivers, layerRules } from './layer-rules.ts'

export interface LayerViolation {
  rule: string
  from: string
  to: string
  /** How to mend it. */
  mend: string
}

const rooms = new Set(['protocol', 'agent', 'relay', 'lambdas', 'cli', 'infra', 'deploy'])
const folders = [...rooms, 'test', 'bench', 'examples']

/** Every import in the checkout at `root` that breaks a layer rule, sorted. */
export async function layerViolations(root: string): Promise<LayerViolation[]> {
  const present = folders.filter(folder => existsSync(join(root, folder)))
  const { output } = await cruise(
    present,
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: layerRules },
      tsPreCompilationDeps: true,
      combinedDependencies: false,
      doNotFollow: { path: 'node_modules' },
      exclude: { path: '(^|/)(dist|coverage|cdk[.]out)/|^[^/]+/node_modules/[^@]' },
    },
    {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  )
  const result = output as ICruiseResult
  const forbidden = result.summary.violations.map(({ rule, from, to }) => ({
    rule: rule.name,
    from,
    to,
    mend: layerRules.find(({ name }) => name === rule.name)?.comment ?? '',
  }))
  return [...forbidden, ...relativeRooms(result), ...scatteredDrivers(result)].sort((a, b) =>
    key(a).localeCompare(key(b)),
  )
}

const key = ({ rule, from, to }: LayerViolation) => `${rule} ${from} ${to}`

/** Imports of another room by a relative path, which no published package could follow; what makes the packages is in none. */
function relativeRooms({ modules }: ICruiseResult): LayerViolation[] {
  const topLevel = (path: string) => path.split('/')[0] ?? ''
  return modules.flatMap(({ source, dependencies }) =>
    dependencies
      .filter(({ module, resolved }) => module.startsWith('.') && rooms.has(topLevel(resolved)))
      .filter(({ resolved }) => topLevel(resolved) !== topLevel(source) && !resolved.startsWith('cli/build/'))
      .map(({ resolved }) => ({
        rule: 'rooms-by-name',
        from: source,
        to: resolved,
        mend: 'import another room as @agent-mesh/<room> or @agent-mesh/<room>/<file>',
      })),
  )
}

/** Drivers that more than one source file of a room imports. */
function scatteredDrivers(result: ICruiseResult): LayerViolation[] {
  const users = new Map<string, { driver: string; files: string[] }>()
  for (const { source, dependencies } of result.modules) {
    const room = /^([^/]+)\/src\//.exec(source)?.[1]
    if (room === undefined || source.endsWith('.test.ts')) continue
    for (const { resolved, dependencyTypes } of dependencies) {
      const driver = drivers.find(pattern => pattern.test(resolved))?.exec(resolved)?.[0]
      if (driver === undefined || dependencyTypes.includes('type-only')) continue
      const entry = users.get(`${room} ${driver}`) ?? { driver, files: [] }
      entry.files.push(source)
      users.set(`${room} ${driver}`, entry)
    }
  }
  return [...users.values()]
    .filter(({ files }) => new Set(files).size > 1)
    .flatMap(({ driver, files }) =>
      files.map(from => ({
        rule: 'one-file-per-driver',
        from,
        to: driver,
        mend: 'one file per room imports a driver: wrap it there and import the wrapper',
      })),
    )
}
