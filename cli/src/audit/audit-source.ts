/** Sources of audit entries: the files of a data folder, or the control plane. Both are read the same way. */
import { auditEntries, auditFile, verifyAuditFiles } from '@agent-mesh/agent/observe/audit-files'
import type { AuditEntry, AuditHead } from '@agent-mesh/protocol/audit'
import { MeshError } from '@agent-mesh/protocol/errors'
import { verifyHead } from '@agent-mesh/protocol/head'
import { access } from 'node:fs/promises'

import { adminClient } from '../data/admin-client.ts'
import { hasContext, readContext } from '../data/context-file.ts'
import { NothingRunningError } from '../exit-codes.ts'
import type { ProxySettings } from '../settings.ts'
import { verifyPages, type PagesVerdict } from './verify-pages.ts'

export type AuditPlace = 'control-plane' | 'local'

/** At most one of them. */
export interface AuditFrom {
  after?: number
  /** Unix milliseconds. */
  since?: number
  last?: number
}

export interface AuditVerdict extends PagesVerdict {
  where: AuditPlace
}

export interface AuditSource {
  where: AuditPlace
  entries(from: AuditFrom, signal: AbortSignal): AsyncIterable<AuditEntry>
  /** Reads the whole chain. @param known a place it must still go through */
  verify(known: AuditHead | undefined, signal: AbortSignal): Promise<AuditVerdict>
}

/**
 * The audit logs that this context can read; no process need run.
 * @throws MeshError not_found when it cannot read the one that is wanted, {@link NothingRunningError} when it has none
 */
export async function auditSources(
  folder: string,
  proxy: ProxySettings | undefined,
  wished?: AuditPlace,
): Promise<AuditSource[]> {
  const found: AuditSource[] = []
  if (wished !== 'local' && (await hasContext(folder))) found.push(controlPlaneSource(folder, proxy))
  const isThere = access(auditFile(folder)).then(
    () => true,
    () => false,
  )
  if (wished !== 'control-plane' && (await isThere)) found.push(localSource(folder))
  if (found.length > 0) return found
  if (wished !== 'control-plane') throw noAuditIn(folder, wished)
  throw new MeshError(
    'not_found',
    `Cannot read the audit log of the control plane: ${folder} has no admin key`,
    {
      hint: 'Name the context of an admin with --context NAME, or read the local log with --where local.',
    },
  )
}

const noAuditIn = (folder: string, wished: 'local' | undefined) =>
  new NothingRunningError(
    folder,
    undefined,
    `Cannot read an audit log: ${folder} has ${wished === 'local' ? 'no audit log' : 'neither an audit log nor an admin key'}`,
    `Name the folder of an agent${wished === 'local' ? ' or a relay' : ', a relay or an admin'} with --context NAME or --data DIR.`,
  )

function localSource(folder: string): AuditSource {
  return {
    where: 'local',
    entries: async function* ({ after = 0, since = 0, last }) {
      const newest: AuditEntry[] = []
      for await (const entry of auditEntries(folder)) {
        if (entry.seq <= after || entry.at < since) continue
        if (last === undefined) yield entry
        else if (newest.push(entry) > last) newest.shift()
      }
      yield* newest
    },
    verify: async known => ({ where: 'local', ...(await verifyAuditFiles(folder, known)) }),
  }
}

const pageEntries = 1_000

function controlPlaneSource(folder: string, proxy: ProxySettings | undefined): AuditSource {
  const pages = async function* ({ after, ...from }: AuditFrom, signal: AbortSignal) {
    const client = await adminClient(folder, proxy)
    const cursor = after === undefined ? {} : { cursor: String(after) }
    let page = await client.audit({ ...from, ...cursor, limit: pageEntries }, signal)
    yield page
    while (page.next !== undefined) {
      page = await client.audit({ cursor: page.next, limit: pageEntries }, signal)
      yield page
    }
  }
  return {
    where: 'control-plane',
    entries: async function* (from, signal) {
      for await (const { entries } of pages(from, signal)) yield* entries
    },
    verify: async (known, signal) => {
      const { meshId } = await readContext(folder)
      const client = await adminClient(folder, proxy)
      const { keys } = await verifyHead(meshId, (await client.bootstrap({}, signal)).head)
      const verdict = await verifyPages(pages({ after: 0 }, signal), keys, known)
      return { where: 'control-plane', ...verdict }
    },
  }
}
