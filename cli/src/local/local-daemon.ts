import type {
  LocalCallAllReply,
  LocalCallAllRequest,
  LocalCallReply,
  LocalCallRequest,
  LocalPeer,
  LocalPingReply,
  LocalPingRequest,
  LocalRotateKeyReply,
  LocalService,
  LocalStatus,
} from '@agent-mesh/protocol/local-api'

interface Options {
  signal: AbortSignal
}

/** What a running process answers on its local socket. Every method throws MeshError alone. */
export interface LocalDaemon {
  status(): LocalStatus | Promise<LocalStatus>
  peers(): LocalPeer[] | Promise<LocalPeer[]>
  services(): LocalService[] | Promise<LocalService[]>
  call(request: LocalCallRequest, options: Options): Promise<LocalCallReply>
  callAll(request: LocalCallAllRequest, options: Options): Promise<LocalCallAllReply>
  ping(request: LocalPingRequest, options: Options): Promise<LocalPingReply>
  /** Control planes with their own keys have it. */
  rotateKey?(options: { revoke: boolean }): Promise<LocalRotateKeyReply>
}
