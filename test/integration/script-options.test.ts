import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)
/** A script that begins its work instead is ended; reading the benches takes 2.5 s of processor time, on a busy machine 16 s. */
const mostMs = 120_000
const outcomeOf = (script: string, ...options: string[]) =>
  run(process.execPath, [join(root, script), ...options], { timeout: mostMs }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, said: stderr }),
  )

test.each(['site/build.ts', 'cli/build/release/main.ts'])('%s shows how it is used', async script => {
  const help = expect.stringMatching(/^Usage: npm run /) as string
  expect(await outcomeOf(script, '--help')).toEqual({ code: 0, said: help })
})

test.each(['site/build.ts', 'cli/build/release/main.ts', 'bench/src/main.ts', 'bench/src/cost/main.ts'])(
  '%s begins nothing with an option that it does not have, and shows how it is used',
  async script => {
    const wrong = expect.stringMatching(/--nope(.|\n)*Usage: npm run /) as string
    expect(await outcomeOf(script, '--nope')).toEqual({ code: 2, said: wrong })
  },
)

test('a release for a platform that does not exist is a wrong option', async () => {
  const wrong = expect.stringMatching(/^Cannot release for nope: (.|\n)*Usage: npm run /) as string
  expect(await outcomeOf('cli/build/release/main.ts', '--platforms', 'nope')).toEqual({
    code: 2,
    said: wrong,
  })
})
