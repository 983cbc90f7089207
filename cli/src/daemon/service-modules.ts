import type { ServiceDefinition } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Loads the modules (JavaScript, or TypeScript that Node can strip) and gathers their services.
 * @throws MeshError invalid_argument for a module that does not load or exports none
 */
export async function loadServices(files: readonly string[]): Promise<ServiceDefinition[]> {
  return (await Promise.all(files.map(loadModule))).flat()
}

async function loadModule(file: string): Promise<ServiceDefinition[]> {
  let exported: Record<string, unknown>
  try {
    exported = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>
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
