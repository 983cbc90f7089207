/** The error for a method that this member does not serve: it names this member and its nearest method. */
import { MeshError, type Subject } from '@agent-mesh/protocol'
import { nearestName } from '@agent-mesh/protocol/nearest-name'
import { parseMethod } from '../contract/contract.ts'
import type { ServedMethod, ServiceRegistry } from './service-registry.ts'

/** Methods that are compared with the one that was called: a caller must not keep this process busy. */
const compared = 64

export interface NotServedInit {
  readonly registry: Pick<ServiceRegistry, 'methods' | 'refs' | 'find'>
  /** Name of this member. */
  readonly self: () => string
  /** Whether `from` may call a method: those that it may not call are not named. */
  readonly allows: (from: Subject, served: Pick<ServedMethod, 'target' | 'allow'>) => boolean
}

/** @returns the error `unsupported`; `call` is `math.add` or `math@2.add` as the caller wrote it */
export function notServed({ registry, self, allows }: NotServedInit) {
  return (call: string, caller: Subject): MeshError => {
    const wanted = parseMethod(call)
    const { methods } = registry
    const ofService = methods.filter(method => parseMethod(method)?.service === wanted?.service)
    const allowed = (ofService.length > 0 ? ofService : methods)
      .slice(0, compared)
      .filter(method =>
        allows(caller, registry.find(method) ?? { target: `service:${method}`, allow: undefined }),
      )
    const versions = registry.refs.filter(ref => ref.startsWith(`${wanted?.service}@`))
    const nearest = nearestName(wanted?.method ?? call, allowed)
    return new MeshError(
      'unsupported',
      `Cannot call ${call}: ${self()} does not serve it`,
      hintOf(nearest, wanted?.method, versions),
    )
  }
}

function hintOf(nearest: string | undefined, wanted: string | undefined, versions: readonly string[]) {
  if (nearest === undefined) return {}
  // The method is there, in another version.
  if (nearest === wanted) return { hint: `It serves ${versions.join(', ')}.` }
  return { hint: `Did you mean ${nearest}?` }
}
