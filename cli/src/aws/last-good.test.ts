import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { goBack } from './go-back.ts'
import { forgetGood, keepNext, lastGood, nextAssembly } from './last-good.ts'

let folder: string
beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'last-good-'))))
afterEach(() => rm(folder, { recursive: true, force: true }))

const deployment = (requestRate: string) => ({
  stack: 'Mesh',
  region: 'eu-west-1',
  settings: { requestRate },
  stacks: ['MeshData', 'Mesh'],
  data: { tableName: 'Table', keyArns: ['arn:aws:kms:eu-west-1:111122223333:key/k'] },
})
/** What the CDK does. */
const synthesize = async (text: string): Promise<void> => {
  const assembly = await nextAssembly(folder)
  await mkdir(assembly)
  await writeFile(join(assembly, 'manifest.json'), text)
}
const manifest = async () => readFile(join((await lastGood(folder))?.assembly ?? '', 'manifest.json'), 'utf8')

describe('the last good deployment', () => {
  it('is none before the first one passed', async () => {
    await synthesize('first')
    expect(await lastGood(folder)).toBeUndefined()
  })

  it('stays what it was while the next one is under way, with its settings', async () => {
    await synthesize('first')
    await keepNext(folder, deployment('100'))
    await synthesize('second')
    expect([await manifest(), (await lastGood(folder))?.deployment]).toEqual(['first', deployment('100')])
  })

  it('is replaced by the next that passes: one is kept', async () => {
    for (const name of ['first', 'second', 'third']) {
      await synthesize(name)
      await keepNext(folder, deployment('100'))
    }
    expect([await manifest(), await readdir(join(folder, 'deployed'))]).toEqual(['third', ['last']])
  })

  it('is forgotten with the deployment', async () => {
    await synthesize('first')
    await keepNext(folder, deployment('100'))
    await forgetGood(folder)
    await forgetGood(folder)
    expect(await lastGood(folder)).toBeUndefined()
  })
})

describe('going back', () => {
  const init = () => ({ folder, stacks: [], signal: new AbortController().signal, say: () => {} })

  it('leaves a deployment that must stay, and says why', async () => {
    await synthesize('first')
    await keepNext(folder, deployment('100'))
    const error = await goBack(new Error('no'), { ...init(), stays: '--no-rollback was given' })
    expect(error).toMatchObject({
      code: 'unavailable',
      message: 'Cannot finish the deployment: no. It stays as it is: --no-rollback was given',
    })
  })

  it('has nothing to go back to at the first deployment', async () => {
    const error = await goBack(new Error('no'), { ...init(), stays: undefined })
    expect(error.message).toContain('It stays as it is: no earlier deployment is kept')
  })

  it('reports a damaged file beside the reason of the failure', async () => {
    await mkdir(join(folder, 'deployed', 'last'), { recursive: true })
    await writeFile(join(folder, 'deployed', 'last', 'deploy.json'), '{')
    const error = await goBack(new Error('no'), { ...init(), stays: undefined })
    expect(error.message).toMatch(
      /^Cannot finish the deployment: no\. Going back failed as well: Cannot read/,
    )
  })
})
