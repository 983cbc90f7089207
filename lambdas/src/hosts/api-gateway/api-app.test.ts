import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MeshError } from '@agent-mesh/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { embeddedMetrics } from '../lambda/metrics.ts'
import { apiApp } from './api-app.ts'

let folder = ''
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'api-app-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

const publicUrl = 'https://control.example'
const silent = () => {}
const log = { debug: silent, info: silent, warn: silent, error: silent }

test('while there is no mesh, the description of the API is answered from its file, and nothing else of it', async () => {
  const descriptionFile = join(folder, 'openapi.json')
  await writeFile(descriptionFile, JSON.stringify({ openapi: '3.1.0' }))
  const plane = () => Promise.reject(new MeshError('unavailable', 'Cannot answer: there is no mesh yet'))
  const answer = apiApp({ plane, metrics: embeddedMetrics('Test'), log, publicUrl, descriptionFile })
  const described = await answer(new Request(`${publicUrl}/v1/openapi.json`))
  expect([described.status, await described.json()]).toEqual([200, { openapi: '3.1.0' }])
  expect((await answer(new Request(`${publicUrl}/v1/bootstrap`))).status).toBe(503)
})
