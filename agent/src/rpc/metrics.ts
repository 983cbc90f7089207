import type { ErrorCode } from '@agent-mesh/protocol/errors'

/** Where the engine and the services report what happened; room observe counts it. Must not throw. */
export interface RpcMetrics {
  /**
   * A call ended. `side`: whether it was made or served here; `method` as `service.method`, `unknown` for one that is
   * not served (names from outside must not become labels); `code` `ok` or the error's; `ms` from start to end.
   */
  callEnded(side: 'caller' | 'callee', method: string, code: 'ok' | ErrorCode, ms: number): void
  /** A call is tried again, perhaps elsewhere, after ending with `code`. */
  callRetried(method: string, code: ErrorCode): void
}

export const noMetrics: RpcMetrics = { callEnded: () => undefined, callRetried: () => undefined }
