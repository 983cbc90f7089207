/** The API as Request -> Response: authentication, parsing and errors are the same for every route of the list. */
import { apiRoutes, basePathOf, MeshError, pathWithin, type ApiRoute } from '@agent-mesh/protocol'
import { Hono } from 'hono'
import type { ControlPlane } from '../domain/control-plane.ts'
import { BodyReader } from './body-reader.ts'
import { limitStrangers } from './limit-strangers.ts'
import { refuseOtherMethods } from './other-methods.ts'
import { MemberLimit } from './member-limit.ts'
import { problemResponse } from './problem.ts'
import { routeHandlers } from './route-handlers.ts'
import { serveRoute } from './serve-route.ts'
import { SourceLimit } from './source-limit.ts'

export interface ApiRouterInit {
  plane: ControlPlane
  observe: RequestObserver
  /** @default one of its own */
  sources?: SourceLimit
}

/** What a host passes with a request. */
export interface RequestOrigin {
  /** IP address of the sender; without it nothing is limited by source. */
  source?: string | undefined
  /** The body in pieces, each valid until the next is requested. @default the body of the request */
  body?: AsyncIterable<Uint8Array>
}

/** Called for every request once it is answered. `route` is of the list, so it is safe as a label. */
export type RequestObserver = (request: {
  route: string
  status: number
  ms: number
  error?: unknown
}) => void

/**
 * Serves `/v1/...` as the route list of the protocol has it, also below the path of the public URL: a proxy in front may strip
 * or keep that path. Never throws.
 */
export function apiRouter({
  plane,
  observe,
  sources = new SourceLimit(() => plane.mesh.clock.now()),
}: ApiRouterInit): Hono<{ Bindings: RequestOrigin }> {
  const base = basePathOf(plane.mesh.publicUrl)
  const app = new Hono<{ Bindings: RequestOrigin }>({
    getPath: ({ url }) => pathWithin(base, new URL(url).pathname),
  })
  const bodies = new BodyReader()
  const members = new MemberLimit(() => plane.mesh.clock.now())
  const handlers = routeHandlers(plane)
  const offer = (route: ApiRoute): void => {
    const name = `${route.method} ${route.path}`
    const handler = handlers[name]
    if (handler === undefined) return
    const serve = serveRoute({ plane, bodies, members, route, handler })
    app.on(route.method, honoPath(route.path), async c => {
      const start = performance.now()
      const answer = (response: Response, error?: unknown): Response => {
        const ms = performance.now() - start
        observe({ route: name, status: response.status, ms, ...(error === undefined ? {} : { error }) })
        return response
      }
      // Undefined when the application is called without a host.
      const origin = c.env as RequestOrigin | undefined
      const knocking = {
        address: origin?.source,
        auth: route.auth,
        authorization: c.req.header('authorization'),
      }
      const serving = limitStrangers(sources, knocking, () => serve(c, origin?.body))
      return serving.then(answer, (error: unknown) => answer(problemResponse(error), error))
    })
  }
  for (const path of pathsInOrder) {
    const routes = apiRoutes.filter(route => route.path === path)
    for (const route of routes) offer(route)
    const methods = routes.map(({ method }) => method)
    refuseOtherMethods(app, honoPath(path), methods)
  }
  app.notFound(({ req }) => {
    const reason = `there is no ${req.method} ${req.path.slice(0, 128)}`
    return problemResponse(
      new MeshError('not_found', `Cannot answer: ${reason}`, { hint: 'See /v1/openapi.json.' }),
    )
  })
  app.onError(error => problemResponse(error))
  return app
}

/** `/v1/members/self` before `/v1/members/{peerId}`, which matches it, too. */
const pathsInOrder = [...new Set(apiRoutes.map(({ path }) => path))].sort(
  (a, b) => Number(a.includes('{')) - Number(b.includes('{')),
)

const honoPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')
