import { ServiceRegistry, type ServiceDefinition } from '@agent-mesh/agent'
import { MeshError, reasonOf } from '@agent-mesh/protocol'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

import { loadFailure } from './load-failure.ts'
import { inGeneration } from './module-generations.ts'
import { providePackages } from './provided-packages.ts'

/** When a file that was loaded had last changed, ms. */
const loaded = new Map<string, number>()

/** Node keeps a module by its URL: one that changed since it was loaded needs another. What it imports stays as it is. */
async function urlOf(path: string): Promise<string> {
  const { mtimeMs } = await stat(path)
  const first = loaded.get(path) ?? mtimeMs
  loaded.set(path, first)
  const { href } = pathToFileURL(path)
  return mtimeMs === first ? href : `${href}?changed=${mtimeMs}`
}

/** Loads modules, once more each time. */
export type LoadServices = (files: readonly string[]) => Promise<ServiceDefinition[]>

/**
 * Loads the modules (JavaScript, or TypeScript that Node can strip) and gathers their services; again after they changed.
 * @throws MeshError not_found for a file that does not exist; invalid_argument for a module that does not load, exports no
 * service, or one that cannot be served
 */
export const loadServices: LoadServices = files => loadEach(files, urlOf)

/** As {@link loadServices}; modules and what they import are loaded anew each time, changed or not. */
export function loadAnew(): LoadServices {
  let generation = 0
  return files => {
    const now = ++generation
    return loadEach(files, async path => inGeneration(await urlOf(path), now))
  }
}

async function loadEach(files: readonly string[], urlFor: typeof urlOf): Promise<ServiceDefinition[]> {
  if (files.length > 0) providePackages()
  return (await Promise.all(files.map(file => loadModule(file, urlFor)))).flat()
}

async function loadModule(file: string, urlFor: typeof urlOf): Promise<ServiceDefinition[]> {
  let exported: Record<string, unknown>
  try {
    exported = (await import(await urlFor(resolve(file)))) as Record<string, unknown>
  } catch (error) {
    throw loadFailure(file, error)
  }
  // A service may have two names: `export default` beside another.
  const services = [...new Set(Object.values(exported))].filter(isService)
  if (services.length === 0) throw noService(file, Object.values(exported))
  for (const service of services) mustBeServable(file, service)
  return services
}

function noService(file: string, exported: readonly unknown[]): MeshError {
  const contract = exported.find(isContract)
  return new MeshError('invalid_argument', `Cannot serve ${file}: it exports no service`, {
    hint:
      contract === undefined
        ? 'Export implementService(contract, handlers), under any name: see examples/greeter.ts.'
        : `It exports the contract '${contract.name}' without handlers: export implementService(contract, handlers).`,
  })
}

/** Checks that the agent makes only after it joined. @throws MeshError invalid_argument */
function mustBeServable(file: string, { contract, handlers, options }: ServiceDefinition): void {
  try {
    new ServiceRegistry().serve(contract, handlers, options)
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    const { hint } = error
    const reason = `service '${contract.name}': ${reasonOf(error)}`
    throw new MeshError('invalid_argument', `Cannot serve ${file}: ${reason}`, {
      cause: error,
      ...(hint !== undefined && { hint }),
    })
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isContract = (value: unknown): value is { name: string; methods: object } =>
  isObject(value) &&
  'name' in value &&
  typeof value.name === 'string' &&
  'methods' in value &&
  isObject(value.methods)

const isService = (value: unknown): value is ServiceDefinition =>
  isObject(value) &&
  'contract' in value &&
  isContract(value.contract) &&
  'handlers' in value &&
  isObject(value.handlers)
