/** The simulator finds faults that are planted in the modules which it drives. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mutations } from './mutations.ts'

const [main, hooks] = ['main.ts', 'mutations.ts'].map(file => join(import.meta.dirname, file))

/** @param mutation undefined: the modules as they are */
function run(args: string, mutation?: string): Promise<{ code: number | null; complained: string }> {
  return new Promise(resolve => {
    const env = { ...process.env, ...(mutation === undefined ? {} : { SIM_MUTATION: mutation }) }
    const child = execFile(
      process.execPath,
      ['--import', `${hooks}`, `${main}`, ...args.split(' ')],
      { env },
      (_, __, complained) => resolve({ code: child.exitCode, complained }),
    )
  })
}

test.each(Object.entries(mutations))('a member that %s is found', async (name, { args, complaint }) => {
  const [sound, faulty] = await Promise.all([run(args), run(args, name)])
  expect(sound).toEqual({ code: 0, complained: '' })
  expect(faulty.code).toBe(1)
  expect(faulty.complained).toMatch(complaint)
})
