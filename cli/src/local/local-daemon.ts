import type {
  LocalCallAllReply,
  LocalCallAllRequest,
  LocalCallReply,
  LocalCallRequest,
  LocalConfirmClockReply,
  LocalPathRequest,
  LocalPeer,
  LocalPingReply,
  LocalPingRequest,
  LocalRotateKeyReply,
  LocalService,
  LocalStatus,
} from '@agent-mesh/protocol/local-api'
import type { LocalForwardLine, LocalForwardRequest } from '@agent-mesh/protocol/local-forward'
import type { LocalPort } from '@agent-mesh/protocol/local-ports'
import type { LocalServeRequest, ServedProgram } from '@agent-mesh/protocol/local-programs'
import type { LocalStreamLine, LocalStreamRequest } from '@agent-mesh/protocol/local-stream'
import type {
  LocalPublishReply,
  LocalPublishRequest,
  LocalSubscribeRequest,
  LocalTopicLine,
} from '@agent-mesh/protocol/local-topics'
import type { PathReport } from '@agent-mesh/protocol/path-report'
import type { TuningReport } from '@agent-mesh/protocol/tuning-report'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

import type { Handler } from './handler-server.ts'

interface Options {
  signal: AbortSignal
}

export interface StreamOptions extends Options {
  /** Messages for the handler, as a call carries them. */
  input: AsyncIterable<unknown> | undefined
}

export interface LocalPorts {
  list(): readonly LocalPort[]
  add(port: LocalPort): Promise<void>
  remove(name: string): Promise<void>
}

export interface LocalPrograms {
  list(): readonly ServedProgram[]
  serve(request: LocalServeRequest, options: Options): Promise<ServedProgram>
  remove(service: string): Promise<void>
}

/** The answers of a running process on its local socket. Every method throws MeshError alone. */
export interface LocalDaemon {
  status(): LocalStatus | Promise<LocalStatus>
  peers(): LocalPeer[] | Promise<LocalPeer[]>
  services(): LocalService[] | Promise<LocalService[]>
  call(request: LocalCallRequest, options: Options): Promise<LocalCallReply>
  callAll(request: LocalCallAllRequest, options: Options): Promise<LocalCallAllReply>
  /** Messages, then how the handler ended; only an agent has it. */
  stream?(request: LocalStreamRequest, options: StreamOptions): AsyncIterable<LocalStreamLine>
  /** Only an agent has these. */
  publish?(request: LocalPublishRequest): Promise<LocalPublishReply>
  subscribe?(request: LocalSubscribeRequest, options: Options): AsyncIterable<LocalTopicLine>
  /** A pipe to a port of a member. */
  connect?(to: { peer: string; port: string }, options: Options): Promise<Duplex>
  /** Listens on a port of this machine for a command, until `signal` aborts. @returns where, then the connections that failed */
  forward?(request: LocalForwardRequest, options: Options): Promise<AsyncIterable<LocalForwardLine>>
  /** A fresh stream to the sender of an offer, for a command that receives it itself. */
  receive?(offer: { from: string; ticket: string }, options: Options): Promise<Duplex>
  /** Offers a file of a command to a member. @returns tells the command, and reads the file from it */
  send?(file: { peer: string; bytes: number }): Promise<(pipe: Duplex) => void>
  /** Ports of this machine that other members may open; they outlive the process. */
  ports?: LocalPorts
  /** Programs of this machine whose services it serves; they outlive the process. */
  programs?: LocalPrograms
  ping(request: LocalPingRequest, options: Options): Promise<LocalPingReply>
  path(request: LocalPathRequest, options: Options): Promise<PathReport>
  /** Only an agent has these. */
  /** Upgrades `GET /v1/ws` of a program. Rejects before the reply. */
  webSocket?(asked: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>
  /** The routes that the gateway has, too: calls and streams by path, topics, descriptions. */
  gateway?: Handler
  tuning?(): TuningReport
  /** Only a control plane has these. */
  /** Lines of a backup, with every secret of the mesh. */
  backup?(): AsyncIterable<string>
  confirmClock?(): Promise<LocalConfirmClockReply>
  rotateKey?(options: { revoke: boolean }): Promise<LocalRotateKeyReply>
}
