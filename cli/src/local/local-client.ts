import {
  localCallAllReply,
  localCallReply,
  localConfirmClockReply,
  localPeersReply,
  localPingReply,
  localRotateKeyReply,
  localServicesReply,
  localStatusReply,
  type LocalCallAllRequest,
  type LocalCallRequest,
  type LocalPathRequest,
  type LocalPingRequest,
  type LocalRotateKeyRequest,
} from '@agent-mesh/protocol/local-api'
import {
  localCloseReply,
  localNothing,
  localOpenReply,
  localPortsReply,
  type LocalCloseRequest,
  type LocalOpenRequest,
  type LocalPort,
} from '@agent-mesh/protocol/local-ports'
import { localServedReply, servedProgram, type LocalServeRequest } from '@agent-mesh/protocol/local-programs'
import type { LocalStreamRequest } from '@agent-mesh/protocol/local-stream'
import {
  localPublishReply,
  type LocalPublishRequest,
  type LocalSubscribeRequest,
} from '@agent-mesh/protocol/local-topics'
import type { LocalValue } from '@agent-mesh/protocol/local-value'
import { pathReportSchema } from '@agent-mesh/protocol/path-report'
import { tuningReportSchema } from '@agent-mesh/protocol/tuning-report'
import { askLocal, type LocalRequest } from '@agent-mesh/agent/gateway/local-socket'
import type * as z from 'zod/mini'

import { checkSocketPath } from '../data/data-folder.ts'
import { commandDefaults } from '../defaults.ts'
import { explained } from './local-failure.ts'
import { openBackup, openStream, openSubscription } from './stream-client.ts'

/**
 * Asks the process that owns a data folder. Every method throws MeshError: `NothingRunningError` when no process
 * answers, deadline_exceeded, cancelled, or what the process answered.
 */
export function localClient(folder: string, signal?: AbortSignal) {
  checkSocketPath(folder)
  const wire = { folder, signal }
  const ask = <S extends z.ZodMiniType>(asked: LocalRequest, schema: S) =>
    askLocal(folder, { ...asked, signal }, schema).catch(explained(folder))
  const get = <S extends z.ZodMiniType>(path: string, schema: S) => ask({ path }, schema)
  const post = <S extends z.ZodMiniType>(path: string, body: object, schema: S) => {
    const { timeoutMs = commandDefaults.callTimeoutMs } = body as { timeoutMs?: number | undefined }
    return ask({ path, body: JSON.stringify(body), timeoutMs }, schema)
  }
  return {
    status: () => get('/v1/status', localStatusReply),
    peers: async () => (await get('/v1/peers', localPeersReply)).peers,
    services: async () => (await get('/v1/services', localServicesReply)).services,
    tuning: () => get('/v1/tuning', tuningReportSchema),
    call: (body: LocalCallRequest) => post('/v1/call', body, localCallReply),
    callAll: (body: LocalCallAllRequest) => post('/v1/call-all', body, localCallAllReply),
    /** Messages of a handler, then how it ended; `input` is what it is sent. To leave it early cancels the stream. */
    stream: (body: Omit<LocalStreamRequest, 'input'>, input?: AsyncIterable<LocalValue>) =>
      openStream(wire, body, input),
    publish: (body: LocalPublishRequest) => post('/v1/publish', body, localPublishReply),
    /** That the agent has subscribed, then messages. To leave it ends the subscription. */
    subscribe: (body: LocalSubscribeRequest) => openSubscription(wire, body),
    ports: async () => (await get('/v1/ports', localPortsReply)).ports,
    expose: (body: LocalPort) => post('/v1/expose', body, localNothing),
    /** An address that opens a port of a member in one browser, once. */
    open: (body: LocalOpenRequest) => post('/v1/open', body, localOpenReply),
    /** Signs out browsers that opened a port of a member; empty: any port. */
    closeBrowsers: (body: LocalCloseRequest) => post('/v1/open/close', body, localCloseReply),
    unexpose: (name: string) => post('/v1/unexpose', { name }, localNothing),
    served: async () => (await get('/v1/served', localServedReply)).programs,
    serve: (body: LocalServeRequest) => post('/v1/serve', body, servedProgram),
    unserve: (service: string) => post('/v1/unserve', { service }, localNothing),
    ping: (body: LocalPingRequest) => post('/v1/ping', body, localPingReply),
    path: (body: LocalPathRequest) => post('/v1/path', body, pathReportSchema),
    /** The lines of a backup, as they come; ends early, with an error, when the control plane stops. */
    backup: () => openBackup(wire),
    confirmClock: () => post('/v1/confirm-clock', {}, localConfirmClockReply),
    rotateKey: (body: LocalRotateKeyRequest) => post('/v1/rotate-key', body, localRotateKeyReply),
  }
}

export type LocalClient = ReturnType<typeof localClient>
