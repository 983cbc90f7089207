/** Members, methods and contexts for completion: asked of the running agent, with little patience. */
import { readdir } from 'node:fs/promises'
import { dirname } from 'node:path'

import { commandDefaults } from '../defaults.ts'
import { methodsByService } from '../local/described-services.ts'
import { localClient, type LocalClient } from '../local/local-client.ts'
import { readSettings } from '../settings.ts'
import type { Candidate, ValueSource } from './complete.ts'

/** Empty where no process runs or answers in time: completion never fails. */
export const knownValues: ValueSource = async (kind, given) => {
  try {
    const [context, data] = [given.get('context'), given.get('data')]
    const settings = readSettings({
      ...(context !== undefined && { context }),
      ...(data !== undefined && { data }),
    })
    if (kind === 'context') return await contexts(settings.data)
    const client = localClient(settings.data, AbortSignal.timeout(commandDefaults.completionMs))
    return kind === 'member' ? await members(client) : await services(client, kind)
  } catch {
    return []
  }
}

async function members(client: LocalClient): Promise<Candidate[]> {
  const peers = await client.peers()
  return peers.map(({ name, kind, online }) => ({
    value: name,
    about: `${kind}, ${online ? 'online' : 'offline'}`,
  }))
}

/** Services; or methods, where a member answers in time, else the service with the dot behind it. */
async function services(client: LocalClient, kind: 'service' | 'method' | 'stream'): Promise<Candidate[]> {
  const known = await client.services()
  const named = known.map(each => ({ ...each, name: each.service.replace(/@\d+$/, '') }))
  if (kind === 'service')
    return named.map(({ name, service, providers }) => ({
      value: name,
      about: `${service}, ${providers.length} provide it`,
    }))
  const methods = await methodsByService(client, known, kind === 'stream' ? 'streams' : 'calls')
  return named.flatMap(({ name, service }) =>
    (methods.get(service) ?? ['']).map(method => ({ value: `${name}.${method}`, about: service })),
  )
}

/** The folders beside the one of the context. */
async function contexts(folder: string): Promise<Candidate[]> {
  const entries = await readdir(dirname(folder), { withFileTypes: true })
  return entries.filter(entry => entry.isDirectory()).map(({ name }) => ({ value: name, about: 'context' }))
}
