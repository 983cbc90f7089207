/** Pipes to ports of members at the prompt, through the running agent. */
import type { Duplex } from 'node:stream'
import { inspect } from 'node:util'

import { openLocalPipe } from '../ports/local-pipe.ts'

/** @param running of the calls that run: Ctrl-C resets the pipes that were opened since the last one */
export const replPipes = (folder: string, running: () => AbortSignal) => ({
  /**
   * @param port what the member exposes it as
   * @returns a Duplex of Node @throws MeshError as {@link openLocalPipe}
   */
  connect: async (peer: string, port: string): Promise<Duplex> => {
    const signal = running()
    const pipe = await openLocalPipe(folder, { peer, port }, signal)
    const reset = () => pipe.destroy()
    signal.addEventListener('abort', reset, { once: true })
    pipe.once('close', () => signal.removeEventListener('abort', reset))
    // Its reader gets the error; the prompt goes on without one.
    pipe.on('error', () => undefined)
    return Object.assign(pipe, { [inspect.custom]: () => `Duplex { ${peer}:${port} }` })
  },
})
