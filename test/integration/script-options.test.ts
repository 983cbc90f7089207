import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)
const outcomeOf = (script: string, option: string) =>
  run(process.execPath, [join(root, script), option]).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, said: stderr }),
  )

test.each(['site/build.ts', 'cli/build/release/main.ts'])(
  '%s shows how it is used, and begins nothing with an option that it does not have',
  async script => {
    const [help, wrong] = await Promise.all([outcomeOf(script, '--help'), outcomeOf(script, '--nope')])
    expect(help).toEqual({ code: 0, said: expect.stringMatching(/^Usage: npm run /) as string })
    expect(wrong).toEqual({ code: 2, said: expect.stringMatching(/--nope(.|\n)*Usage: npm run /) as string })
  },
)
