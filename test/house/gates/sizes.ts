/** What a start has to read: the bundle of the command, and those of the Lambdas. */
import { bundleLambdas, lambdaNames } from '@agent-mesh/infra/lambda-bundle'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { program, type Gate, type Verdict } from './gate.ts'

/** MB of JavaScript of the command. It had 6.9 with both SDKs of MCP; what is seldom used is loaded late. */
const mostCommandMb = 7.5
/** KB of each Lambda: Node parses it at every start of one. */
const mostLambdaKb = 430

const figureOf = (figure: string, limit: string, isLess: boolean): Verdict => ({
  ...{ result: isLess ? 'passed' : 'failed', figure, limit },
  ...(!isLess && {
    said: `${figure} is over ${limit}: load what is seldom used with import(), or raise the limit with a reason`,
  }),
})

async function inFolder(work: (folder: string) => Promise<Verdict>): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-mesh-sizes-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

export const commandSize: Gate = {
  name: 'size of the command',
  fast: true,
  run: () =>
    inFolder(async folder => {
      const { code, said } = await program(['node', 'cli/build/build.ts', 'command', join(folder, 'command')])
      if (code !== 0) return { result: 'failed', said }
      const bundle = join(folder, 'command', 'bundle')
      const files = (await readdir(bundle, { recursive: true })).filter(name => name.endsWith('.js'))
      const sizes = await Promise.all(files.map(async name => (await stat(join(bundle, name))).size))
      const mb = sizes.reduce((sum, size) => sum + size, 0) / 1e6
      return figureOf(`${mb.toFixed(2)} MB`, `${mostCommandMb} MB`, mb > 0 && mb <= mostCommandMb)
    }),
}

export const lambdaSize: Gate = {
  name: 'size of Lambdas',
  fast: true,
  run: () =>
    inFolder(async folder => {
      const bundles = bundleLambdas(join(folder, 'lambdas'))
      const sizes = await Promise.all(
        lambdaNames.map(async name => (await stat(join(bundles, name, 'index.mjs'))).size / 1024),
      )
      const most = Math.max(...sizes)
      return figureOf(`${most.toFixed(0)} KB`, `${mostLambdaKb} KB`, most <= mostLambdaKb)
    }),
}
