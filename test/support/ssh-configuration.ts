import { execFileSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'

export const sshd = '/usr/sbin/sshd'

export interface SshConfiguration {
  /** For `sshd -f`. */
  readonly file: string
  /** Options of `ssh` for this server: its key is known, ours is used. */
  readonly options: readonly string[]
}

/** OpenSSH: a server on loopback with keys of its own, for the user that runs it. @param folder for keys and configuration */
export async function configureSsh(folder: string, port: number): Promise<SshConfiguration> {
  // It takes no keys from a folder that others could write.
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(folder, name)
  for (const name of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)])
  await writeFile(file('authorized_keys'), await readFile(file('user.pub')), { mode: 0o600 })
  await writeFile(file('known_hosts'), `* ${await readFile(file('host.pub'), 'utf8')}`)
  const settings = [
    ...[`ListenAddress 127.0.0.1:${port}`, `HostKey ${file('host')}`, `PidFile ${file('pid')}`],
    ...[`AuthorizedKeysFile ${file('authorized_keys')}`, 'PasswordAuthentication no', 'StrictModes no'],
    ...['UsePAM no', 'PermitRootLogin yes'],
  ]
  await writeFile(file('sshd_config'), `${settings.join('\n')}\n`)
  // What it separates its privileges with; a package makes it at boot.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true })
  const known = ['-o', `UserKnownHostsFile=${file('known_hosts')}`, '-o', 'StrictHostKeyChecking=yes']
  const ours = ['-F', 'none', '-i', file('user'), '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes']
  return { file: file('sshd_config'), options: [...ours, ...known] }
}
