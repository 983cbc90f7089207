import { toMeshError } from '@agent-mesh/protocol/errors'
import { redact } from '@agent-mesh/protocol/redact'
import { readdir, stat } from 'node:fs/promises'
import { cpus, freemem, release, totalmem } from 'node:os'
import { join } from 'node:path'

import { commandDefaults } from '../defaults.ts'
import { localClient } from '../local/local-client.ts'
import { auditSources } from './audit-source.ts'

/** Facts about this machine, the data folder and the process that owns it; without secrets. */
export async function bugReport(folder: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const client = localClient(folder, signal)
  const report = {
    at: new Date().toISOString(),
    node: process.version,
    system: `${process.platform} ${process.arch} ${release()}`,
    cpus: cpus().length,
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    files: await orReason(filesOf(folder)),
    status: await orReason(client.status()),
    peers: await orReason(client.peers()),
    audit: await orReason(lastEntries(folder, signal)),
  }
  return redact(report) as Record<string, unknown>
}

/** A fact that could not be determined is replaced by the reason. */
const orReason = <T>(work: Promise<T>): Promise<T | { unknown: string }> =>
  work.catch((error: unknown) => ({ unknown: toMeshError(error, 'internal', 'report').message }))

async function filesOf(folder: string) {
  const names = await readdir(folder)
  return Promise.all(
    names.map(async name => {
      const { size, mode, mtime } = await stat(join(folder, name))
      return { name, size, mode: (mode & 0o777).toString(8), changed: mtime.toISOString() }
    }),
  )
}

async function lastEntries(folder: string, signal: AbortSignal): Promise<unknown[]> {
  const [local] = await auditSources(folder, undefined, 'local')
  const entries: unknown[] = []
  for await (const entry of local?.entries({ last: commandDefaults.reportedEntries }, signal) ?? [])
    entries.push(entry)
  return entries
}
