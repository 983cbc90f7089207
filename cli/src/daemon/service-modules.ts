import type { ServiceDefinition } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

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

/**
 * Loads the modules (JavaScript, or TypeScript that Node can strip) and gathers their services; again after they changed.
 * @throws MeshError invalid_argument for a module that does not load or exports none
 */
export async function loadServices(files: readonly string[]): Promise<ServiceDefinition[]> {
  return (await Promise.all(files.map(loadModule))).flat()
}

async function loadModule(file: string): Promise<ServiceDefinition[]> {
  let exported: Record<string, unknown>
  try {
    exported = (await import(await urlOf(resolve(file)))) as Record<string, unknown>
  } catch (error) {
    throw new MeshError('invalid_argument', `Cannot serve ${file}: ${String(error)}`, { cause: error })
  }
  const services = Object.values(exported).filter(isService)
  if (services.length > 0) return services
  throw new MeshError('invalid_argument', `Cannot serve ${file}: it exports no service`, {
    hint: 'Export implementService(contract, handlers), under any name.',
  })
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isService = (value: unknown): value is ServiceDefinition =>
  isObject(value) &&
  'contract' in value &&
  isObject(value.contract) &&
  'handlers' in value &&
  isObject(value.handlers)
