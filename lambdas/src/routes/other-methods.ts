import { MeshError } from '@agent-mesh/protocol'
import type { Env, Hono } from 'hono'
import { problemResponse } from './problem.ts'

/**
 * Answers 405 with `Allow` for an unknown method of a known path. Add it after the routes of the path.
 * @param methods that the path has; HEAD comes with GET
 */
export function refuseOtherMethods<E extends Env>(
  app: Hono<E>,
  path: string,
  methods: readonly string[],
): void {
  const allow = methods.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ')
  app.all(path, ({ req }) =>
    problemResponse(
      new MeshError('unsupported', `Cannot answer: ${req.path.slice(0, 128)} does not take ${req.method}`, {
        hint: `It takes ${allow}.`,
      }),
      { status: 405, headers: { allow } },
    ),
  )
}
