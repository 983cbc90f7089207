/**
 * `POST /v1/open`: an address that opens a port of a member in one browser of this machine, once. `POST /v1/open/close`: signs such browsers
 * out.
 */
import {
  localCloseRequest,
  localOpenRequest,
  type LocalCloseReply,
  type LocalOpenReply,
} from '@agent-mesh/protocol/local-ports'

import { json, type HandledReply, type HandledRequest } from '../../local/handler-server.ts'
import { parseExact } from '../../local/parse-exact.ts'
import type { MemberPort } from '../../ports/local-pipe.ts'
import { inBodyTime } from '../body-time.ts'
import { checkScope, noteDenial, ownersBrowser, type GatewayAgent, type ProgramCaller } from '../caller.ts'

export interface Browsers {
  /** @returns the one-time address @throws MeshError invalid_argument, conflict, unsupported */
  invite(to: MemberPort, caller: ProgramCaller): string
  /** Signs out. @param to absent: of all ports @param callerId absent: of all callers @throws MeshError invalid_argument */
  close(to: MemberPort | undefined, callerId: string | undefined): LocalCloseReply
}

type Asked = Pick<HandledRequest, 'path' | 'text' | 'signal'>

const openPath = '/v1/open'
const closePath = '/v1/open/close'

export const isAboutBrowsers = ({ method, path }: Pick<HandledRequest, 'method' | 'path'>): boolean =>
  method === 'POST' && (path === openPath || path === closePath)

/** @throws MeshError why it cannot be done */
export const browsersReply = (
  agent: Pick<GatewayAgent, 'connect' | 'recordDenial'>,
  browsers: Browsers,
  caller: ProgramCaller,
  asked: Asked,
): Promise<HandledReply> =>
  asked.path === openPath ? openReply(agent, browsers, caller, asked) : closeReply(browsers, caller, asked)

async function openReply(
  agent: Pick<GatewayAgent, 'connect' | 'recordDenial'>,
  browsers: Browsers,
  caller: ProgramCaller,
  { text, signal }: Asked,
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

/** A program signs out the browsers that it signed in, the owner all. */
async function closeReply(browsers: Browsers, caller: ProgramCaller, { text }: Asked): Promise<HandledReply> {
  const action = 'sign browsers out'
  const { peer, port } = parseExact(localCloseRequest, await inBodyTime(text(), action), action, 'request')
  const to = peer === undefined || port === undefined ? undefined : { peer, port }
  return json(browsers.close(to, caller === ownersBrowser ? undefined : caller.id))
}
