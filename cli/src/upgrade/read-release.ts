/** Reads files of a release, over HTTP or from a folder. */
import { sendRequest } from '@agent-mesh/agent/discovery/send-request'
import { fileFailure } from '@agent-mesh/agent/identity/private-file'
import { Proxy, type ProxyOptions } from '@agent-mesh/agent/transport/wires/proxy'
import { MeshError } from '@agent-mesh/protocol/errors'
import { timeoutSignal } from '@agent-mesh/protocol/timers'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

import { upgradeDefaults } from './defaults.ts'
import { checkPlace } from './release-place.ts'

export interface Access {
  proxy: ProxyOptions | undefined
  /** Whether the checksum of the program is known from elsewhere. */
  pinned: boolean
  signal: AbortSignal
}

/**
 * Opens a file of the folder of a release.
 * @returns undefined when it is not there
 * @throws MeshError unavailable, permission_denied, invalid_argument; the stream may end with any error: {@link whileReading}
 */
export async function openReleaseFile(
  folder: string,
  name: string,
  within: number,
  access: Access,
): Promise<Readable | undefined> {
  if (!/^https?:\/\//i.test(folder)) return openFile(join(folder, name))
  const signal = AbortSignal.any([access.signal, timeoutSignal(within)])
  const address = `${folder}/${name}`
  try {
    return await follow(address, { ...access, signal })
  } catch (error) {
    throw whileReading(address, access.signal, error)
  }
}

async function openFile(path: string): Promise<Readable | undefined> {
  try {
    return (await open(path)).createReadStream()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw fileFailure(`read ${path}`, error)
  }
}

async function follow(address: string, { proxy, pinned, signal }: Access): Promise<Readable | undefined> {
  const through = proxy === undefined ? undefined : new Proxy(proxy)
  let url = new URL(address)
  for (let hop = 0; hop <= upgradeDefaults.redirects; hop++) {
    checkPlace(url.href, pinned)
    const request = { method: 'GET', url, headers: { accept: '*/*' }, body: new Uint8Array(), signal }
    const reply = await sendRequest({ ...request, proxy: through })
    const { statusCode: status = 0, headers } = reply
    if (status === 200)
      return reply.setTimeout(upgradeDefaults.silenceMs, () =>
        reply.destroy(new Error(`it sent nothing for ${upgradeDefaults.silenceMs / 1_000} s`)),
      )
    reply.destroy()
    if (status === 404 || status === 410) return undefined
    const next = status >= 300 && status < 400 ? URL.parse(headers.location ?? '', url) : null
    if (next === null || !/^https?:$/.test(next.protocol))
      throw new MeshError('unavailable', `Cannot read ${url.href}: the server answered ${status}`)
    url = next
  }
  throw new MeshError('unavailable', `Cannot read ${address}: over ${upgradeDefaults.redirects} redirects`)
}

/** What broke off the reading of a file, as an error for people. */
export function whileReading(address: string, signal: AbortSignal, error: unknown): MeshError {
  if (signal.aborted)
    return new MeshError('cancelled', `Cannot read ${address}: interrupted, nothing was changed`)
  if (error instanceof MeshError) return error
  const cause = error instanceof Error ? error : new Error(String(error))
  const reason = 'code' in cause && cause.name !== 'TimeoutError' ? String(cause.code) : cause.message
  return new MeshError('unavailable', `Cannot read ${address}: ${reason}`, {
    cause,
    hint: 'Nothing was changed. Check the address and the network, then run it again.',
  })
}
