/** `POST /v1/open`: an address that opens a port of a member in one browser of this machine, once. */
import { localOpenRequest, type LocalOpenReply } from '@agent-mesh/protocol/local-ports'

import { json, type HandledReply, type HandledRequest } from '../../local/handler-server.ts'
import { parseExact } from '../../local/parse-exact.ts'
import type { MemberPort } from '../../ports/local-pipe.ts'
import { inBodyTime } from '../body-time.ts'
import { checkScope, noteDenial, type GatewayAgent, type ProgramCaller } from '../caller.ts'

export interface Inviting {
  /** @returns the one-time address @throws MeshError invalid_argument, conflict, unsupported */
  invite(to: MemberPort, caller: ProgramCaller): string
}

export const isOpening = ({ method, path }: HandledRequest): boolean =>
  method === 'POST' && path === '/v1/open'

/** @throws MeshError why it cannot be opened */
export async function openReply(
  agent: Pick<GatewayAgent, 'connect' | 'recordDenial'>,
  browsers: Inviting,
  caller: ProgramCaller,
  { text, signal }: Pick<HandledRequest, 'text' | 'signal'>,
): Promise<HandledReply> {
  const to = parseExact(localOpenRequest, await inBodyTime(text(), 'open a port'), 'open a port', 'request')
  const { peer, port } = to
  const target = `port:${port}`
  checkScope(agent, caller, 'connect', target)
  try {
    // The reason of a refusal is read here, not in the browser.
    const pipe = await agent.connect(peer, port, { app: caller.app, signal })
    pipe.destroy()
  } catch (thrown) {
    noteDenial(agent, caller, { action: 'connect', to: target }, thrown)
    throw thrown
  }
  return json({ url: browsers.invite(to, caller) } satisfies LocalOpenReply)
}
