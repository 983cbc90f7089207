/** A port of a member on a port of this machine, by the agent of a data folder. */
import { forwardByAgent } from './forward-by-agent.ts'
import { forwardPort, type ForwardedPort, type ForwardInit } from './forward-port.ts'
import { keepForward } from './kept-forward.ts'
import { openLocalPipe, type MemberPort } from './local-pipe.ts'

/**
 * Listens until it is stopped, also while no agent runs.
 * @param signal ends the wait for the first listener @throws MeshError as {@link forwardPort}; cancelled
 */
export function forwardLocally(
  folder: string,
  { to, listen, failed }: Pick<ForwardInit, 'listen' | 'failed'> & { to: MemberPort },
  signal: AbortSignal,
): Promise<Pick<ForwardedPort, 'host' | 'port' | 'stop'>> {
  return keepForward({
    ...{ listen, signal, failed },
    byAgent: (address, asking) => forwardByAgent(folder, to, { listen: address, failed }, asking),
    here: address =>
      forwardPort({ listen: address, open: closed => openLocalPipe(folder, to, closed), failed }),
  })
}
