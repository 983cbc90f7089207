import type { Json } from './api-server.ts'

/** A volume for one claim alone. @param source the fields of its spec that say where its data is */
export const volumeFor = ({ metadata, spec }: Json, source: object): object => ({
  ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `of-${metadata.uid}` } },
  spec: {
    ...{ capacity: spec.resources.requests, accessModes: spec.accessModes, ...source },
    claimRef: { namespace: metadata.namespace, name: metadata.name, uid: metadata.uid },
  },
})
