/** OpenSSH: a server on loopback with keys of its own, for the user that runs the tests. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import { connect } from 'node:net'
import { vi } from 'vitest'

import { freePort } from './free-port.ts'

const sshd = '/usr/sbin/sshd'

/** Which of the programs are missing here; in CI that fails instead of being skipped. */
export function sshMissing(): string | undefined {
  const found = (program: string) =>
    spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
  const missing = [sshd, 'ssh', 'ssh-keygen', 'rsync', 'git'].filter(program => !found(program))
  if (missing.length === 0) return undefined
  const reason = `not installed: ${missing.join(', ')}`
  if (process.env['CI'] === 'true') throw new Error(`Cannot run OpenSSH: ${reason}`)
  console.warn(`skipped: OpenSSH cannot run: ${reason}`)
  return reason
}

export interface SshServer {
  readonly port: number
  /** Options of `ssh` for this server: its key is known, ours is used. */
  readonly options: readonly string[]
  stop(): void
}

/** @param folder for keys and configuration */
export async function startSshServer(folder: string): Promise<SshServer> {
  // It takes no keys from a folder that others could write.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(folder, name)
  for (const name of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)])
  await writeFile(file('authorized_keys'), await readFile(file('user.pub')), { mode: 0o600 })
  await writeFile(file('known_hosts'), `* ${await readFile(file('host.pub'), 'utf8')}`)
  const port = await freePort()
  const settings = [
    ...[`ListenAddress 127.0.0.1:${port}`, `HostKey ${file('host')}`, `PidFile ${file('pid')}`],
    ...[`AuthorizedKeysFile ${file('authorized_keys')}`, 'PasswordAuthentication no', 'StrictModes no'],
    ...['UsePAM no', 'PermitRootLogin yes'],
  ]
  await writeFile(file('sshd_config'), `${settings.join('\n')}\n`)
  // What it separates its privileges with; a package makes it at boot.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true })
  const server = spawn(sshd, ['-D', '-e', '-f', file('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (text: Buffer) => (said += text.toString()))
  await vi.waitFor(() => opens(port, said), 10_000)
  const known = ['-o', `UserKnownHostsFile=${file('known_hosts')}`, '-o', 'StrictHostKeyChecking=yes']
  const ours = ['-F', 'none', '-i', file('user'), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes']
  return { port, options: [...ours, ...known], stop: () => void server.kill() }
}

const opens = (port: number, said: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', () => reject(new Error(`sshd does not listen: ${said}`)))
  })
