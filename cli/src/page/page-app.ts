/** The routes of the page: its files for any browser of this machine, everything else for the session. */
import { MeshError } from '@agent-mesh/protocol/errors'
import * as z from 'zod/mini'

import {
  answered,
  json,
  routed,
  type HandledReply,
  type HandledRequest,
  type Handler,
  type Routes,
} from '../local/handler-server.ts'
import { parseExact } from '../local/parse-exact.ts'
import { pageAdmission } from './page-admission.ts'
import type { PageSession } from './page-session.ts'

export interface PageAppInit {
  readonly url: string
  readonly session: PageSession
  readonly files: ReadonlyMap<string, HandledReply>
  readonly routes: Routes
}

const openRequest = z.strictObject({ key: z.string().check(z.maxLength(64)) })

/** No script but that of the page, no other origin, no frame. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

const headers = {
  'content-security-policy': policy,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
}

export function pageApp({ url, session, files, routes }: PageAppInit): Handler {
  const admit = pageAdmission(url)
  const cookieName = `agent-mesh-page-${new URL(url).port}`
  const api = routed(routes)
  const open = async (request: HandledRequest): Promise<HandledReply> => {
    const { key } = parseExact(openRequest, await request.text(), 'open the page', 'request')
    const { cookie, proof } = session.open(key)
    const set = `${cookieName}=${cookie}; Path=/; HttpOnly; SameSite=Strict`
    return { ...json({ proof }), headers: { 'set-cookie': set } }
  }
  const answer: Handler = request => {
    const { method, path } = request
    admit(method, request.headers)
    const file = method === 'GET' ? files.get(path) : undefined
    if (file !== undefined) return file
    if (`${method} ${path}` === 'POST /session') return open(request)
    const cookie = cookieIn(request.headers.cookie, cookieName)
    session.mustHold({ cookie, proof: proofIn(request) }, request.signal)
    return api(request)
  }
  return async request => {
    const reply = await answered(request, answer)
    return { ...reply, headers: { ...headers, ...reply.headers } }
  }
}

const proofIn = ({ headers }: HandledRequest): string | undefined => {
  const proof = headers['mesh-page']
  return typeof proof === 'string' ? proof : undefined
}

function cookieIn(header: string | undefined, name: string): string | undefined {
  const pairs = (header ?? '').split(';').map(pair => pair.trim())
  return pairs.find(pair => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}

/** The value of a query field. @throws MeshError invalid_argument when it is absent or too long */
export function queried({ query, path }: HandledRequest, name: string): string {
  const value = query.get(name)
  if (value !== null && value !== '' && value.length <= 256) return value
  throw new MeshError('invalid_argument', `Cannot serve ${path}: the query has no ${name}`)
}
