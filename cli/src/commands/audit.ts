import type { AuditEntry } from '@agent-mesh/protocol/audit'
import type { MeshError } from '@agent-mesh/protocol/errors'
import type { Command } from 'commander'

import { parseCount } from '../arguments.ts'
import type { AuditVerdict } from '../audit/audit-source.ts'
import { exitCodes } from '../exit-codes.ts'
import { showFailure } from '../show/failure.ts'
import type { Output } from '../show/output.ts'
import { withProgress } from '../show/progress.ts'
import { registerExport, whereOption, type Where } from './audit-export.ts'
import { groupOf, onCall, type Finish } from './define.ts'

export const registerAudit = groupOf({
  name: 'audit',
  description: 'read and verify the audit logs',
  help: `
The control plane keeps the log of the mesh, which is read with the admin key of the context. Every agent and relay keeps a
log of its own in its data folder, which can be read whether or not the process runs.`,
  commands: [registerTail, registerVerify, registerExport],
})

function registerTail(audit: Command, finish: Finish): void {
  const command = audit
    .command('tail')
    .description('print the newest entries')
    .option('-n, --lines <n>', 'number of entries', parseCount, 20)
    .option('-f, --follow', 'print new entries as they arrive, until Ctrl-C')
    .addOption(whereOption())
    .addHelpText(
      'after',
      `
With --json each entry is one line; "audit export" prints entries as they are stored. --follow retries when the log cannot
be read, and reports that on stderr.

Examples:
  $ agent-mesh audit tail
  $ agent-mesh audit tail -n 100 --where local
  $ agent-mesh audit tail --follow --json | jq 'select(.what == "denied")'`,
    )
  onCall<Where & { lines: number; follow?: boolean }, []>(command, finish, async invocation => {
    const { settings, options, output, signal } = invocation
    const { auditSources } = await import('../audit/audit-source.ts')
    const sources = await auditSources(settings.data, settings.proxy, options.where)
    const source = sources.find(({ where }) => where === 'local') ?? sources[0]
    if (source === undefined) return
    let after = 0
    const show = (entry: AuditEntry) => {
      after = Math.max(after, entry.seq)
      output.result(entry, () => entryText(entry))
    }
    const newest: AuditEntry[] = []
    for await (const entry of source.entries({ last: options.lines }, signal)) newest.push(entry)
    // One that waited for its place in the chain stands behind later ones.
    for (const entry of newest.sort((a, b) => a.at - b.at || a.seq - b.seq)) show(entry)
    if (options.follow !== true) return
    const onTrouble = (error: MeshError) => {
      showFailure(error, { ...settings, json: false })
      process.stderr.write('Retrying until the log can be read; Ctrl-C stops.\n')
    }
    const { followEntries } = await import('../audit/follow-entries.ts')
    for await (const entry of followEntries(source, { after, signal, onTrouble })) show(entry)
  })
}

function entryText({ seq, at, who, what, detail }: AuditEntry): string {
  const more = detail === undefined ? '' : `  ${JSON.stringify(detail)}`
  return `${new Date(at).toISOString()}  ${seq}  ${what}  ${who}${more}`
}

function registerVerify(audit: Command, finish: Finish): void {
  const command = audit
    .command('verify')
    .description('check every entry against the hash chain')
    .addOption(whereOption())
    .addHelpText(
      'after',
      `
Checks both logs if the context has both. The last valid entry is kept in the data folder, so that a later check also finds
an end that was cut off or rewritten. The authority signs the head of the control plane's chain once an hour; the chain
has to contain the newest signed head.

Examples:
  $ agent-mesh audit verify
  $ agent-mesh audit verify --where control-plane --json`,
    )
  onCall<Where, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { auditSources } = await import('../audit/audit-source.ts')
    const { readKnownHeads, writeKnownHeads } = await import('../audit/known-heads.ts')
    const sources = await auditSources(settings.data, settings.proxy, options.where)
    const known = await readKnownHeads(settings.data)
    const verdicts: AuditVerdict[] = []
    for (const source of sources) {
      const check = () => source.verify(known[source.where], signal)
      const verdict = await withProgress(settings, `Checking the audit (${source.where})`, check)
      if (verdict.broken === undefined) known[source.where] = verdict.head
      verdicts.push(verdict)
    }
    await writeKnownHeads(settings.data, known)
    const verified = verdicts.every(({ broken }) => broken === undefined)
    output.result({ verified, logs: verdicts }, () => verdicts.map(verdict => verdictText(verdict, output)))
    return verified ? exitCodes.ok : exitCodes.failure
  })
}

function verdictText(verdict: AuditVerdict, output: Output): string {
  const { where, first, head, broken, signed, waiting = [] } = verdict
  if (broken !== undefined)
    return `${where}: ${output.style('red', `entry ${broken.seq} is broken`)} (${broken.why}): ${broken.reason}`
  if (first === undefined) return `${where}: no entries yet`
  const parts = [
    `${where}: ${output.style('green', 'verified')}, entries ${first} to ${head.seq}, last hash ${head.hash}`,
  ]
  if (signed !== undefined)
    parts.push(`signed by the authority up to ${signed.seq} at ${new Date(signed.at).toISOString()}`)
  if (waiting.length > 0) parts.push(`recorded but not yet in the chain: ${waiting.length}`)
  return parts.join('; ')
}
