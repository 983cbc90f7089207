/** kube-apiserver and kube-controller-manager, built once from the modules that test/kubernetes/cluster/go.mod pins. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const modules = join(import.meta.dirname, '..')
const cache = join(import.meta.dirname, '../../../../node_modules/.cache')
const programs = ['kube-apiserver', 'kube-controller-manager']

/** @returns their folder; rejects with what Go says */
export async function builtPrograms(): Promise<string> {
  const pins = createHash('sha256')
    .update(readFileSync(join(modules, 'go.sum')))
    .digest('hex')
    .slice(0, 12)
  const folder = join(cache, `kubernetes-${pins}`)
  if (existsSync(folder)) return folder
  const part = `${folder}.part`
  await rm(part, { recursive: true, force: true })
  await mkdir(part, { recursive: true })
  const packages = programs.map(program => `k8s.io/kubernetes/cmd/${program}`)
  const [, version = ''] =
    /k8s\.io\/kubernetes (v\S+)/.exec(readFileSync(join(modules, 'go.mod'), 'utf8')) ?? []
  // What they say that they are. Without symbols they have half the size, and compile in two thirds of the time; without cgo they need no
  // C compiler.
  const build = [
    'build',
    '-trimpath',
    '-gcflags=all=-dwarf=false',
    `-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=${version}`,
    '-o',
    `${part}/`,
    ...packages,
  ]
  await run('go', build, {
    cwd: modules,
    env: { ...process.env, CGO_ENABLED: '0' },
    maxBuffer: 64 * 1024 * 1024,
  })
  await rename(part, folder)
  return folder
}
