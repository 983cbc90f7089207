import type { Handlers, MethodContracts, ServiceContract } from '@agent-mesh/agent'
import { MeshError } from '@agent-mesh/protocol'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What a module of `--serve` exports, under any name. */
export interface ServiceExport {
  contract: ServiceContract<string, MethodContracts>
  handlers: Handlers<MethodContracts>
}

/**
 * Loads the modules (JavaScript, or TypeScript that Node can strip) and gathers their services.
 * @throws MeshError invalid_argument for a module that does not load or exports none
 */
export async function loadServices(files: readonly string[]): Promise<ServiceExport[]> {
  return (await Promise.all(files.map(loadModule))).flat()
}

async function loadModule(file: string): Promise<ServiceExport[]> {
  let exported: Record<string, unknown>
  try {
    exported = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>
  } catch (error) {
    throw new MeshError('invalid_argument', `Cannot serve ${file}: ${String(error)}`, { cause: error })
  }
  const services = Object.values(exported).filter(isService)
  if (services.length > 0) return services
  throw new MeshError('invalid_argument', `Cannot serve ${file}: it exports no service`, {
    hint: 'Export { contract: defineService({ … }), handlers: { … } }, under any name.',
  })
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isService = (value: unknown): value is ServiceExport =>
  isObject(value) &&
  'contract' in value &&
  isObject(value.contract) &&
  'handlers' in value &&
  isObject(value.handlers)
