import type { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'

/** The app as a Lambda handler for API Gateway (REST and HTTP API) and function URL events. */
export const apiGatewayHandler = (app: Hono) => handle(app)
