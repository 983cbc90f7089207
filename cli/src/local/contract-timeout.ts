/** The time of a call whose command line gives none. */
import { commandDefaults } from '../defaults.ts'
import { describedBy, newest } from './described-services.ts'
import type { LocalClient } from './local-client.ts'

/**
 * ms that the contract of a method gives its calls, as the member that is called tells it, or one that serves it; else the time of
 * the command line. What no member tells in time is not known. Methods of `host` are not asked for: every member has them.
 */
export async function contractTimeout(
  client: Pick<LocalClient, 'call' | 'services'>,
  method: string,
  peer?: string,
): Promise<number> {
  const dot = method.lastIndexOf('.')
  const service = method.slice(0, dot)
  if (service !== 'host') {
    try {
      const from = peer ?? (await firstOnline(client, service))
      const told =
        from === undefined ? [] : await describedBy(client, from, service, commandDefaults.contractMs)
      const found = newest(told, service)?.methods.find(({ name }) => name === method.slice(dot + 1))
      if (found?.timeoutMs !== undefined) return found.timeoutMs
    } catch {
      // The call itself says why, if that stands in its way, too.
    }
  }
  return commandDefaults.callTimeoutMs
}

async function firstOnline(
  client: Pick<LocalClient, 'services'>,
  service: string,
): Promise<string | undefined> {
  return newest(await client.services(), service)?.providers.find(({ online }) => online)?.peerId
}
