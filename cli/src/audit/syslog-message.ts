/** An audit entry as a message of syslog (RFC 5424): facility 13, log audit. Its text is the line of the log, which keeps its hash. */
import { formatAuditLine, type AuditEntry } from '@agent-mesh/protocol/audit'
import { version } from '@agent-mesh/protocol/version'
import { hostname } from 'node:os'

const facility = 13
/** Severities: 4 warning, 5 notice. */
const warnings: ReadonlySet<string> = new Set([
  ...['denied', 'refused', 'cut-off', 'cloned', 'conflict', 'revoke', 'key.revoke', 'restore'],
  ...['log.torn', 'log.lost'],
])
/** Counts of sequenceId (RFC 5424, 7.3.1) begin again after it. */
const mostSequence = 2_147_483_647

/** Printable ASCII of at most `most` characters; `-` for none. */
const headerField = (text: string, most: number): string =>
  text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, most) || '-'

/** @param host in the header @default that of this machine */
export function syslogMessage(entry: AuditEntry, host: string = hostname()): string {
  const priority = facility * 8 + (warnings.has(entry.what) ? 4 : 5)
  const header = [
    `<${priority}>1`,
    new Date(entry.at).toISOString(),
    headerField(host, 255),
    'agent-mesh',
    '-',
    headerField(entry.what, 32),
  ].join(' ')
  const sequence = ((entry.seq - 1) % mostSequence) + 1
  const data = `[origin software="agent-mesh" swVersion="${version}"][meta sequenceId="${sequence}"]`
  return `${header} ${data} ${formatAuditLine(entry)}`
}
