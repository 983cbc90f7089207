import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('..', import.meta.url))

const changedAt = async (path: string): Promise<number> => {
  try {
    return (await stat(`${folder}/${path}`)).mtimeMs
  } catch {
    return -1
  }
}

/** `npm ci` of the peers unless what is installed is newer than the lock. Its output goes to stderr. */
export async function installPeers(): Promise<void> {
  const [installed, locked] = await Promise.all([
    changedAt('node_modules/.package-lock.json'),
    changedAt('package-lock.json'),
  ])
  if (installed >= locked) return
  const npm = spawn('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] })
  const [code] = (await once(npm, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`Cannot install the peers: npm ci in bench/ ended with ${code}`)
}
