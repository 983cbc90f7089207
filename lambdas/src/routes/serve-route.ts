/** One route, from a request to its response: authentication and authorization come before the first byte of the body is read. */
import {
  isBearer,
  limits,
  MeshError,
  parse,
  parseJson,
  pathParameters,
  readQuery,
  verifyBody,
  type ApiRoute,
} from '@agent-mesh/protocol'
import type { Context } from 'hono'
import type { Signature, SignedRequest } from '../domain/callers.ts'
import type { ControlPlane } from '../domain/control-plane.ts'
import type { BodyReader } from './body-reader.ts'
import { entityTag, matches } from './entity-tag.ts'
import { claimedKey, isOfMember, type Served } from './limit-strangers.ts'
import type { MemberLimit } from './member-limit.ts'
import type { RouteCall, RouteHandler } from './route-call.ts'

export interface RouteInit {
  plane: ControlPlane
  bodies: BodyReader
  members: MemberLimit
  route: ApiRoute
  handler: RouteHandler
}

/** @param sent the body, unless it is that of the request. @throws MeshError for faults of the caller */
export const serveRoute =
  ({ plane, bodies, members, route, handler }: RouteInit) =>
  async (c: Context, sent?: AsyncIterable<Uint8Array>): Promise<Served<Response>> => {
    const url = new URL(c.req.url)
    const authorization = c.req.header('authorization')
    const claimed = claimedKey(authorization)
    if (claimed !== undefined) members.check(claimed, route)
    const head = { method: route.method, url, authorization }
    const { signature, ...who } = await charging(members, route, claimed, () =>
      authenticate(plane, route, head),
    )
    await authorize(plane, route, who)
    const byMember = who.caller !== undefined
    const body = await bodies.read(c.req.raw, { most: mostBytes(route, byMember), byMember }, sent)
    if (signature !== undefined) await verifyBody(signature.bodyHash, body)
    if (route.nonce === true && signature !== undefined) await plane.callers.once(signature)
    const reply = await handler({
      ...who,
      params: readParameters(route, c.req.param() as Record<string, string>),
      query: readQuery(route.query ?? {}, url.searchParams),
      body: readJson(route, body),
    })
    return {
      result: replyOf(c, route, reply),
      // A caller that renews a credential is a member, though its credential may have expired.
      byMember: byMember || route.auth === 'member',
      ofMember: who.enrolled || route.auth === 'member',
    }
  }

/** JSON of a reply; 304 if the caller has it already. */
function replyOf(c: Context, { method, path }: ApiRoute, reply: unknown): Response {
  if (reply === undefined) return c.body(null, 204)
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/json' }
  if (method !== 'GET') return c.body(JSON.stringify(reply), 200, headers)
  const etag = entityTag(path, reply)
  const known = c.req.header('if-none-match')
  if (known !== undefined && matches(known, etag)) return c.body(null, 304, { ...headers, etag })
  return c.body(JSON.stringify(reply), 200, { ...headers, etag })
}

/** The most bytes of a body of a route. Only members may send large ones. */
const mostBytes = ({ request, large }: ApiRoute, byMember: boolean): number => {
  if (request === undefined) return 0
  return large === true && byMember ? limits.requestBytes : limits.smallRequestBytes
}

/** Charges a member with a valid signature, also when it is refused as revoked or expired. */
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
    if (isOfMember(error) && claimed !== undefined) members.charge(claimed, route)
    throw error
  }
}

type Who = Pick<RouteCall, 'peerId' | 'caller' | 'enrolled' | 'bearerOf'>

/** Renewal proves the key, not the old credential, which may have expired. */
const keyIsEnough = (route: ApiRoute): boolean => route.auth === 'key' || route.path === '/v1/renew'

/** Default deny: a route is for members unless it is declared open. */
async function authenticate(
  { callers }: ControlPlane,
  route: ApiRoute,
  request: SignedRequest,
): Promise<Who & { signature?: Signature }> {
  const nobody: Who = { peerId: undefined, caller: undefined, enrolled: false }
  const open = route.auth === 'open' || (route.auth === 'optional' && request.authorization === undefined)
  if (open) return nobody
  if (route.bearer === true && isBearer(request.authorization)) {
    const { peerId, service } = await callers.scalingReader(request.authorization)
    return { ...nobody, peerId, enrolled: true, bearerOf: service }
  }
  if (keyIsEnough(route)) {
    const signature = await callers.key(request)
    return { ...nobody, peerId: signature.peerId, signature }
  }
  try {
    const caller = await callers.member(request)
    return { peerId: caller.peerId, caller, enrolled: true, signature: caller }
  } catch (error) {
    if (route.auth !== 'optional' || !(error instanceof MeshError)) throw error
    // Accepted by its key alone: a revoked or removed member has to see the list that says so.
    const enrolled = isOfMember(error)
    if (enrolled) return { ...nobody, enrolled, peerId: claimedKey(request.authorization) }
    // New members sign before they are enrolled, perhaps for another mesh: open routes answer them.
    if (error.code === 'unauthenticated') return nobody
    throw error
  }
}

/** What an admin manages is granted by the policy, like everything else. */
async function authorize({ callers }: ControlPlane, { manage }: ApiRoute, { caller }: Who): Promise<void> {
  if (manage === undefined) return
  if (caller === undefined) throw new MeshError('unauthenticated', 'Cannot accept request: it is not signed')
  await callers.authorize(caller, manage)
}

function readParameters({ path }: ApiRoute, given: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(given)) {
    const schema = path.includes(`{${name}}`) ? pathParameters[name] : undefined
    if (schema !== undefined) parse(schema, value, `read path: ${name}`)
  }
  return given
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
