import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

import { copyProgram, which } from '../../support/copied-programs.ts'

const run = promisify(execFile)

/** What install.sh uses, and nothing else. */
const commands = [
  'sh',
  'chmod',
  'cut',
  'curl',
  'grep',
  'gzip',
  'id',
  'mkdir',
  'mktemp',
  'mv',
  'rm',
  'sha256sum',
  'uname',
]

/** The file system of a machine without Node; what runs in it has the network of this machine. */
export async function bareRoot() {
  const root = await mkdtemp(join(tmpdir(), 'bare-'))
  for (const folder of ['usr/bin', 'usr/lib', 'usr/lib64', 'tmp', 'dev', 'proc', 'root', 'var/cache'])
    await mkdir(join(root, folder), { recursive: true })
  for (const folder of ['bin', 'lib', 'lib64']) await symlink(`usr/${folder}`, join(root, folder))
  for (const command of commands) await copyProgram(root, await which(command), `usr/bin/${command}`)
  // The single file brings Node, but not the libraries that it needs.
  await copyProgram(root, process.execPath, 'tmp/node')
  await rm(join(root, 'tmp/node'))
  await run('mknod', ['-m', '666', join(root, 'dev/null'), 'c', '1', '3'])
  const children: ChildProcess[] = []
  return {
    root,
    /** Runs a program in it to its end. @param path of its environment */
    run: (program: string, args: readonly string[], path = '/usr/bin') =>
      run('unshare', [...inside(root, path), program, ...args]),
    /** Starts the installed command with an empty PATH; resolves with its ready line. */
    async start(args: readonly string[]) {
      const command = [...inside(root, ''), '/usr/local/bin/agent-mesh', ...args, '--json']
      const child = spawn('unshare', command, { stdio: ['ignore', 'pipe', 'inherit'] })
      children.push(child)
      const exited = once(child, 'exit').then(([code]) => {
        throw new Error(`agent-mesh ${args.join(' ')} ended with ${String(code)} before it was ready`)
      })
      const [line] = (await Promise.race([
        once(createInterface({ input: child.stdout }), 'line'),
        exited,
      ])) as [string]
      exited.catch(() => undefined)
      const stop = async () => {
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      }
      return { ready: JSON.parse(line) as Record<string, unknown>, stop }
    },
    async end() {
      const left = children.filter(child => child.exitCode === null && child.signalCode === null)
      await Promise.all(left.map(child => (child.kill('SIGKILL'), once(child, 'exit'))))
      await rm(root, { recursive: true, force: true })
    },
  }
}

/**
 * Arguments of unshare(1) that come before a program: /proc is mounted in a namespace of its own, so it ends with the program. Each
 * step replaces the one before: signals reach the program.
 */
const inside = (root: string, path: string): string[] => [
  '--mount',
  'sh',
  '-c',
  'mount -t proc proc "$0/proc" && path=$1 && shift && exec env -i HOME=/root PATH="$path" /usr/sbin/chroot "$0" "$@"',
  root,
  path,
]
