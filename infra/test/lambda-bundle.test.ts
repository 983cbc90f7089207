import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleLambdas, lambdaNames } from '../src/lambda-bundle.ts'

let bundles = ''
beforeAll(async () => {
  bundles = bundleLambdas(join(await mkdtemp(join(tmpdir(), 'lambdas-')), 'bundles'))
})
afterAll(() => rm(join(bundles, '..'), { recursive: true, force: true }))

test('the bundle of each Lambda is at most 430 KB: Node parses it at every start of one', async () => {
  for (const name of lambdaNames) {
    const { size } = await stat(join(bundles, name, 'index.mjs'))
    expect(size / 1024, name).toBeLessThanOrEqual(430)
  }
})

test('the description of the API lies beside the function that serves it, not in it', async () => {
  const text = await readFile(join(bundles, 'api', 'openapi.json'), 'utf8')
  expect(JSON.parse(text)).toMatchObject({ openapi: '3.1.0' })
  const bundle = await readFile(join(bundles, 'api', 'index.mjs'), 'utf8')
  expect(bundle.includes('x-agent-mesh-auth')).toBe(false)
})
