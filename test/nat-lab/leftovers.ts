/** Namespaces of the lab, and what runs in them: removed at the end of a run, and later if the run could not. */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { shell } from './shell.ts'

const named = /^aml-([a-z0-9]+)x[a-z0-9]+-/

/** A name for a run that says whose it is: process id, then something random. */
export const newRunId = (): string => `${process.pid.toString(36)}x${randomBytes(2).toString('hex')}`

/** Removes what runs left whose process is gone. @returns how many namespaces */
export const removeAbandoned = (): Promise<number> =>
  removeNamespaces(name => {
    const [, owner] = named.exec(name) ?? []
    return owner !== undefined && !isAlive(Number.parseInt(owner, 36))
  })

/** Ends what runs in the namespaces and removes them. Idempotent. @returns how many */
export async function removeNamespaces(belongs: (name: string) => boolean): Promise<number> {
  const names = (await namespaces()).filter(belongs)
  await Promise.all(names.map(name => endAll(name)))
  if (names.length > 0) await shell(names.map(name => `ip netns del ${name} 2>/dev/null || true`).join('\n'))
  return names.length
}

async function namespaces(): Promise<string[]> {
  const list = await shell('ip netns list')
  return list.split('\n').flatMap(line => line.split(' ')[0] || [])
}

/** Only what was started in a namespace of the lab can be in it. */
async function endAll(namespace: string): Promise<void> {
  const pids = (await shell(`ip netns pids ${namespace} 2>/dev/null || true`)).split('\n').filter(Boolean)
  for (const pid of pids) kill(Number(pid))
  for (const pid of pids) await gone(Number(pid))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

/** A process that was killed goes at once, unless the kernel holds it. */
async function gone(pid: number): Promise<void> {
  for (let tries = 0; tries < 100 && isAlive(pid) && !(await isZombie(pid)); tries++)
    await new Promise(resolve => setTimeout(resolve, 10))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH')
  }
}

const isZombie = (pid: number): Promise<boolean> =>
  readFile(`/proc/${pid}/stat`, 'utf8').then(
    text => / Z /.test(text.slice(text.lastIndexOf(')'))),
    () => true,
  )
