/** Clients of `agentmesh.v1.Mesh` at a gateway, by protocol. */
import { expect } from 'vitest'
import { meshRpcs } from '@agent-mesh/cli'
import { createClient, type Client } from '@connectrpc/connect'
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node'

import type { GatewayMesh } from './gateway-mesh.ts'

const { Mesh } = await meshRpcs()
export type MeshClient = Client<typeof Mesh>

export const rpcProtocols = [
  'gRPC',
  'gRPC-Web',
  'Connect',
  'Connect over HTTP/2',
  'Connect with JSON',
] as const

/** @param baseUrl of the gateway */
export function rpcClient(baseUrl: string, protocol: (typeof rpcProtocols)[number] = 'gRPC'): MeshClient {
  switch (protocol) {
    case 'gRPC':
      return createClient(Mesh, createGrpcTransport({ baseUrl }))
    case 'gRPC-Web':
      return createClient(Mesh, createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }))
    case 'Connect':
    case 'Connect with JSON': {
      const useBinaryFormat = protocol === 'Connect'
      return createClient(Mesh, createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat }))
    }
    case 'Connect over HTTP/2':
      return createClient(Mesh, createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true }))
  }
}

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

export const json = (value: unknown) => ({ json: JSON.stringify(value) })

/** A program of another token calls. */
export async function servesOthers(at: GatewayMesh): Promise<void> {
  const other = await at.token('other', 'service:math.*')
  const added = await rpcClient(at.gateway.url).call(
    { method: 'math.add', params: json({ a: 1, b: 2 }) },
    bearer(other),
  )
  expect(added.result?.json).toBe('3')
}
