import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

import { protoFile } from './proto-file.ts'
import { isMeshRpc } from './rpc-request.ts'

const url = '/agentmesh.v1.Mesh/Call'
const of = (type: string, more: object = {}) =>
  isMeshRpc({ method: 'POST', url, headers: { 'content-type': type }, ...more })

it.each([
  'application/json',
  'application/json; charset=utf-8',
  'application/proto',
  'application/connect+json',
  'application/connect+proto',
  'application/grpc',
  'application/grpc+proto',
  'application/grpc+json',
  'application/grpc-web',
  'application/grpc-web+proto',
  'APPLICATION/GRPC-WEB+JSON',
])('%s is the type of an RPC', type => expect(of(type)).toBe(true))

it.each([
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/grpc-web-text',
  '',
])("'%s' is none", type => expect(of(type)).toBe(false))

it('other methods and paths are none', () => {
  expect(of('application/json', { method: 'GET' })).toBe(false)
  expect(of('application/json', { url: '/v1/call/math/add' })).toBe(false)
})

it('docs/grpc.md has the file that the command prints', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/grpc.md'), 'utf8')
  expect(/```proto\n([^]*?)```/.exec(page)?.[1]).toBe(await protoFile())
})
