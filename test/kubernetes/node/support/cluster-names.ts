/** Names of a cluster, in place of CoreDNS: of services, and of pods of services without an address. */
import type { ApiServer, Json } from '../../cluster/support/api-server.ts'
import { clusterDomain } from './kubelet-process.ts'
import type { Find } from './pod-names.ts'

const suffix = `.svc.${clusterDomain}`

export function namesOf(api: ApiServer): Find {
  const list = async (path: string): Promise<Json[]> => (await api.ask('GET', path)).items
  return async name => {
    const [namespace, service, host, ...more] = name.replace(suffix, '').split('.').reverse()
    if (!name.endsWith(suffix) || service === undefined || more.length > 0) return []
    const services = await list(`/api/v1/namespaces/${namespace}/services`)
    const { spec } = services.find(({ metadata }) => metadata.name === service) ?? {}
    if (spec === undefined) return []
    if (host === undefined && spec.clusterIP !== 'None') return [spec.clusterIP as string]
    const slices = await list(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`)
    const endpoints: Json[] = slices
      .filter(({ metadata }) => metadata.labels['kubernetes.io/service-name'] === service)
      .flatMap(slice => slice.endpoints ?? [])
    return endpoints
      .filter(({ conditions }) => spec.publishNotReadyAddresses === true || conditions.ready)
      .filter(({ hostname }) => host === undefined || hostname === host)
      .flatMap(({ addresses }) => addresses as string[])
  }
}
