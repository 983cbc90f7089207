/** Programs of Kubernetes, built once from the modules that test/kubernetes/cluster/go.mod pins. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const modules = join(import.meta.dirname, '..')
const cache = join(import.meta.dirname, '../../../../node_modules/.cache')

/** @param names of `cmd` of Kubernetes, or `pause` @returns their folder; rejects with what Go says */
export async function builtPrograms(...names: readonly string[]): Promise<string> {
  const folder = join(cache, `kubernetes-${pins()}`)
  const missing = names.filter(name => !existsSync(join(folder, name)))
  if (missing.length === 0) return folder
  const part = `${folder}.part`
  await rm(part, { recursive: true, force: true })
  for (const each of [part, folder]) await mkdir(each, { recursive: true })
  const packages = missing.map(name => (name === 'pause' ? './pause' : `k8s.io/kubernetes/cmd/${name}`))
  await run('go', ['build', ...flags(), '-o', `${part}/`, ...packages], {
    cwd: modules,
    // They need no C compiler.
    env: { ...process.env, CGO_ENABLED: '0' },
    maxBuffer: 64 * 1024 * 1024,
  })
  for (const name of missing) await rename(join(part, name), join(folder, name))
  await rm(part, { recursive: true })
  return folder
}

/** Without symbols they have half the size, and compile in two thirds of the time. */
function flags(): string[] {
  const [, version = ''] =
    /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(modules, 'go.mod'), 'utf8')) ?? []
  // What they say that they are.
  const name = `-X k8s.io/component-base/version.gitVersion=${version}`
  return ['-trimpath', '-gcflags=all=-dwarf=false', `-ldflags=-s -w ${name}`]
}

/** Of all that they are made of. */
function pins(): string {
  const hash = createHash('sha256').update(flags().join('\n'))
  for (const file of ['go.sum', 'pause/main.go']) hash.update(readFileSync(join(modules, file)))
  return hash.digest('hex').slice(0, 12)
}
