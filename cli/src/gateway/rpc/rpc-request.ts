import type { IncomingHttpHeaders } from 'node:http'

import { mediaType } from '../admission.ts'

const path = '/agentmesh.v1.Mesh/'

/** A form or a plain fetch of a page cannot send these without asking first. */
const contentTypes = new Set(
  ['', 'grpc', 'grpc-web', 'connect']
    .flatMap(protocol => ['proto', 'json'].map(form => (protocol === '' ? form : `${protocol}+${form}`)))
    .concat('grpc', 'grpc-web')
    .map(name => `application/${name}`),
)

interface Head {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** Whether a request is one of gRPC, gRPC-Web or Connect to the service `agentmesh.v1.Mesh`. */
export const isMeshRpc = ({ method, url = '', headers }: Head): boolean =>
  method === 'POST' && url.startsWith(path) && contentTypes.has(mediaType(headers))
