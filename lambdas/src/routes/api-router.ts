/** The API as Request -> Response: authentication, parsing and errors are the same for every route of the list. */
import { apiRoutes, kidOf, MeshError, parseJson, type ApiRoute } from '@agent-mesh/protocol'
import { Hono, type Context } from 'hono'
import type { SignedRequest } from '../domain/callers.ts'
import type { ControlPlane } from '../domain/control-plane.ts'
import { MemberLimit } from './member-limit.ts'
import { problemResponse } from './problem.ts'
import { readBody } from './request-body.ts'
import { routeHandlers, type RouteCall, type RouteHandler } from './route-handlers.ts'
import { SourceLimit } from './source-limit.ts'

export interface ApiRouterInit {
  plane: ControlPlane
  observe: RequestObserver
}

/** What a host tells of a request beside itself. */
export interface RequestOrigin {
  /** IP address of who sent it; without it nothing is limited by source. */
  source?: string | undefined
}

/** Told of every request once it is answered. `route` is of the list, so it is safe as a label. */
export type RequestObserver = (request: {
  route: string
  status: number
  ms: number
  error?: unknown
}) => void

/** Serves `/v1/...` as the route list of the protocol has it. Never throws. */
export function apiRouter({ plane, observe }: ApiRouterInit): Hono<{ Bindings: RequestOrigin }> {
  const app = new Hono<{ Bindings: RequestOrigin }>()
  const sources = new SourceLimit(() => plane.mesh.clock.now())
  const members = new MemberLimit(() => plane.mesh.clock.now())
  const handlers = routeHandlers(plane)
  for (const route of apiRoutes) {
    const name = `${route.method} ${route.path}`
    const handler = handlers[name]
    if (handler === undefined) continue
    app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ':$1'), async c => {
      const start = performance.now()
      const answer = (response: Response, error?: unknown): Response => {
        const ms = performance.now() - start
        observe({ route: name, status: response.status, ms, ...(error === undefined ? {} : { error }) })
        return response
      }
      const serving = limited(sources, route, c, () => serve({ plane, members, route, handler }, c))
      return serving.then(answer, (error: unknown) => answer(problemResponse(error), error))
    })
  }
  app.notFound(({ req }) => {
    const reason = `there is no ${req.method} ${req.path.slice(0, 128)}`
    return problemResponse(
      new MeshError('not_found', `Cannot answer: ${reason}`, { hint: 'See /v1/openapi.json.' }),
    )
  })
  app.onError(problemResponse)
  return app
}

type ApiContext = Context<{ Bindings: RequestOrigin }>

/**
 * Strangers are slowed down by their address: who enrols, and whose signature or key is not accepted anywhere. Members are
 * not: their requests cost their address nothing, and once accepted they are heard though a stranger behind the same NAT is not.
 */
async function limited<T>(
  sources: SourceLimit,
  route: ApiRoute,
  c: ApiContext,
  work: () => Promise<T>,
): Promise<T> {
  // Undefined where the application is asked without a host.
  const address = (c.env as RequestOrigin | undefined)?.source
  if (address === undefined || route.auth === 'open') return work()
  const authorization = c.req.header('authorization')
  const claimed = route.auth === 'key' ? undefined : claimedKey(authorization)
  const known = claimed !== undefined && sources.wasAccepted(claimed)
  if (!known && (authorization !== undefined || route.auth === 'key')) sources.check(address)
  try {
    const done = await work()
    if (route.auth === 'key') sources.charge(address, 'enrolled')
    else if (route.auth !== 'optional' && claimed !== undefined) sources.accepted(claimed)
    return done
  } catch (error) {
    if (error instanceof MeshError && isGuess(error)) sources.charge(address, 'refused')
    throw error
  }
}

/** The key that a request says it is signed by. */
function claimedKey(authorization = ''): string | undefined {
  try {
    return kidOf(authorization.replace(/^Mesh /, ''), 'request+jws')
  } catch {
    return undefined
  }
}

/** What a stranger provokes; a member whose clock is wrong or whose credential has expired is none. */
const isGuess = ({ code, details }: MeshError): boolean =>
  (code === 'unauthenticated' && details?.['enrolled'] !== true) || code === 'token_invalid'

interface Served {
  plane: ControlPlane
  members: MemberLimit
  route: ApiRoute
  handler: RouteHandler
}

async function serve({ plane, members, route, handler }: Served, c: ApiContext): Promise<Response> {
  const claimed = claimedKey(c.req.header('authorization'))
  if (claimed !== undefined) members.check(claimed, route)
  const url = new URL(c.req.url)
  const body = await readBody(c.req.raw)
  const authorization = c.req.header('authorization')
  const signed = { method: route.method, url, body, authorization }
  const { nonce, ...who } = await charging(members, route, claimed, () => authenticate(plane, route, signed))
  await authorize(plane, route, who)
  if (route.nonce === true) await plane.callers.once({ peerId: who.peerId ?? '', nonce })
  const reply = await handler({
    ...who,
    params: c.req.param() as Record<string, string>,
    query: readQuery(route, url),
    body: readJson(route, body),
  })
  return reply === undefined ? c.body(null, 204) : c.json(reply, 200, { 'cache-control': 'no-store' })
}

/** Charges the member whose signature was right, also when it is refused for what it is: revoked, or expired. */
async function charging<T extends Who>(
  members: MemberLimit,
  route: ApiRoute,
  claimed: string | undefined,
  authenticating: () => Promise<T>,
): Promise<T> {
  try {
    const who = await authenticating()
    if (who.peerId !== undefined) members.charge(who.peerId, route)
    return who
  } catch (error) {
    const proven =
      error instanceof MeshError && (error.code === 'revoked' || error.details?.['enrolled'] === true)
    if (proven && claimed !== undefined) members.charge(claimed, route)
    throw error
  }
}

type Who = Pick<RouteCall, 'peerId' | 'caller'>

/** Renewal proves the key, not the old credential, which may have expired. */
const keyIsEnough = (route: ApiRoute): boolean => route.auth === 'key' || route.path === '/v1/renew'

/** Default deny: what a route does not open takes a member. */
async function authenticate(
  { callers }: ControlPlane,
  route: ApiRoute,
  request: SignedRequest,
): Promise<Who & { nonce?: string | undefined }> {
  const nobody: Who = { peerId: undefined, caller: undefined }
  const open = route.auth === 'open' || (route.auth === 'optional' && request.authorization === undefined)
  if (open) return nobody
  if (keyIsEnough(route)) return { ...nobody, ...(await callers.key(request)) }
  try {
    const caller = await callers.member(request)
    return { peerId: caller.peerId, caller, nonce: caller.nonce }
  } catch (error) {
    // Newcomers sign before they are members, perhaps for another mesh: what is open to all is told to them.
    const stranger =
      error instanceof MeshError && (error.code === 'unauthenticated' || error.code === 'revoked')
    if (route.auth === 'optional' && stranger) return nobody
    throw error
  }
}

/** What an admin manages is granted by the policy, like everything else. */
async function authorize({ callers }: ControlPlane, { manage }: ApiRoute, { caller }: Who): Promise<void> {
  if (manage === undefined) return
  if (caller === undefined) throw new MeshError('unauthenticated', 'Cannot accept request: it is not signed')
  await callers.authorize(caller, manage)
}

function readQuery({ query: known = [] }: ApiRoute, url: URL): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [name, value] of url.searchParams) {
    const reason = known.includes(name) ? (name in query ? 'given twice' : undefined) : 'unknown'
    if (reason !== undefined)
      throw new MeshError('invalid_argument', `Cannot read query: ${name.slice(0, 64)} is ${reason}`)
    query[name] = value
  }
  return query
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function readJson({ request, method, path }: ApiRoute, body: Uint8Array): unknown {
  const action = `read ${method} ${path}`
  if (request === undefined) {
    if (body.byteLength === 0) return undefined
    throw new MeshError('invalid_argument', `Cannot ${action}: it takes no body`)
  }
  let text: string
  try {
    text = utf8.decode(body)
  } catch (cause) {
    throw new MeshError('invalid_argument', `Cannot ${action}: its body is not UTF-8`, { cause })
  }
  return parseJson(request, text, action)
}
