import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { bundleLambdas, lambdaNames } from '../src/lambda-bundle.ts'

let bundles = ''

beforeAll(async () => void (bundles = bundleLambdas(await mkdtemp(join(tmpdir(), 'lambdas-')))), 60_000)
afterAll(() => rm(bundles, { recursive: true, force: true }))

describe.each(lambdaNames)('the bundle of %s', name => {
  it('is one file of at most 450 KB, without source maps', async () => {
    expect(await readdir(join(bundles, name))).toEqual(['index.mjs'])
    expect((await stat(join(bundles, name, 'index.mjs'))).size).toBeLessThan(450 * 1024)
  })
})
