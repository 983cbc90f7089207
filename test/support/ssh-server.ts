/** OpenSSH for specs. */
import { spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:net'
import { vi } from 'vitest'

import { freePort } from './free-port.ts'
import { configureSsh, sshd, type SshConfiguration } from './ssh-configuration.ts'

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

export interface SshServer extends Pick<SshConfiguration, 'options'> {
  readonly port: number
  stop(): void
}

/** @param folder for keys and configuration */
export async function startSshServer(folder: string): Promise<SshServer> {
  const port = await freePort()
  const { file, options } = await configureSsh(folder, port)
  const server = spawn(sshd, ['-D', '-e', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  server.stderr.on('data', (text: Buffer) => (said += text.toString()))
  await vi.waitFor(() => opens(port, said), 60_000)
  return { port, options, stop: () => void server.kill() }
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
