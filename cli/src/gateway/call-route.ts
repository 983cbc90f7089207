/** `POST /v1/call/{service}/{method}`: the body is the params, the answer the result; JSON or raw bytes, both ways. */
import { MeshError } from '@agent-mesh/protocol/errors'
import { fieldForms } from '@agent-mesh/protocol/field-forms'
import { localValue } from '@agent-mesh/protocol/local-value'
import * as z from 'zod/mini'

import type { HandledReply, HandledRequest } from '../local/handler-server.ts'
import { parseExact } from '../local/parse-exact.ts'
import { mediaType } from './admission.ts'
import { inBodyTime } from './body-time.ts'
import { callSettings } from './call-settings.ts'
import { checkScope, noteDenial, type GatewayAgent, type GatewayCaller } from './caller.ts'
import { methodTarget } from './method-target.ts'

/** The method that a path names, and its target in the policy. @throws MeshError not_found */
export function methodIn(path: string): { method: string; to: string } {
  const [service = '', name = '', ...more] = path.split('/').slice(3)
  const method = `${service}.${name}`
  if (
    more.length > 0 ||
    service === '' ||
    name === '' ||
    name.includes('.') ||
    !fieldForms.method.pattern.test(method)
  )
    throw new MeshError('not_found', `Cannot serve POST ${path}: it names no method`, {
      hint: 'The path is /v1/call/SERVICE/METHOD, like /v1/call/math/add or /v1/call/math@2/add.',
    })
  return { method, to: methodTarget(service.replace(/@\d+$/, ''), name) }
}

/** @throws MeshError what the call does */
export async function callReply(
  agent: GatewayAgent,
  caller: GatewayCaller,
  request: HandledRequest,
): Promise<HandledReply> {
  const { method, to } = methodIn(request.path)
  checkScope(agent, caller, 'call', to)
  const settings = callSettings(request)
  const params = await paramsOf(request, `call ${method}`)
  const { value, peerId, name, path } = await agent
    .ask(method, params, { ...settings, app: caller.app, signal: request.signal })
    .catch((thrown: unknown) => {
      noteDenial(agent, caller, { action: 'call', to }, thrown)
      throw thrown
    })
  const headers = {
    'mesh-peer': peerId,
    ...(name !== undefined && { 'mesh-name': name }),
    ...(path !== undefined && { 'mesh-path': path }),
  }
  return { ...replyOf(value), headers }
}

/** Of a body that is read whole. @throws MeshError too_large, invalid_argument, deadline_exceeded */
export async function paramsOf(request: HandledRequest, action: string): Promise<unknown> {
  if (mediaType(request.headers) === 'application/octet-stream') return inBodyTime(request.bytes(), action)
  const text = await inBodyTime(request.text(), action)
  return text === '' ? undefined : parseExact(z.unknown(), text, action, 'params')
}

/** JSON; bytes as they are; a value with bytes behind it as `{"value", "bytes"}`, base64. */
function replyOf(value: unknown): Pick<HandledReply, 'type' | 'body' | 'status'> {
  if (value === undefined) return { status: 204, type: 'application/json', body: '' }
  if (value instanceof Uint8Array) return { type: 'application/octet-stream', body: value }
  const local = localValue(value)
  return local.bytes === undefined
    ? { type: 'application/json', body: JSON.stringify(value) }
    : { type: 'application/vnd.agent-mesh.value+json', body: JSON.stringify(local) }
}
