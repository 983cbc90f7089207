import { formatAuditLine, type AuditEntry } from '@agent-mesh/protocol/audit'
import { MeshError } from '@agent-mesh/protocol/errors'
import { printableJson } from '@agent-mesh/protocol/printable'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { once } from 'node:events'

import { countUpTo, parseDuration, parseNewFile } from '../arguments.ts'
import type { AuditPlace, AuditSource } from '../audit/audit-source.ts'
import { showFailure } from '../show/failure.ts'
import { onCall, type Finish, type Invocation } from './define.ts'

export interface Where {
  where?: AuditPlace
}

export const whereOption = () =>
  new Option(
    '--where <place>',
    'log of the mesh, or of the process of this context (default: the one that exists)',
  ).choices(['control-plane', 'local'])

interface Options extends Where {
  out?: string
  syslog?: string
  follow?: boolean
  /** MiB. */
  rotate: number
  keep: number
  since?: number
  until?: number
}

const help = `
--follow sends new entries until Ctrl-C: to syslog, or to a file that is rotated. The data folder keeps how far each
receiver has come, and the next start continues there. Without --since the first one begins with the oldest entry. While the
receiver or the log cannot be reached, it retries; after that some entries come twice, with the same number.

Messages of syslog have the form of RFC 5424, facility 13 (log audit). Over TCP and UNIX sockets they have counted octets
(RFC 6587); UDP may lose some. Encryption is the task of a local syslog.

Examples:
  $ agent-mesh audit export > audit.jsonl
  $ agent-mesh audit export --since 7d --out week.jsonl
  $ agent-mesh audit export --since 2026-01-01 --until 2026-02-01 --where local
  $ agent-mesh audit export --follow --syslog tcp://127.0.0.1:601
  $ agent-mesh audit export --follow --out /var/log/agent-mesh/audit.jsonl --rotate 100 --keep 8`

export function registerExport(audit: Command, finish: Finish): void {
  const command = audit
    .command('export')
    .description('export entries as JSON lines, to a file or to syslog')
    .option('--out <file>', 'write to this file (mode 0600) instead of stdout', parseNewFile)
    .addOption(
      new Option(
        '--syslog <receiver>',
        'send to syslog: udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH',
      ).conflicts('out'),
    )
    .addOption(new Option('-f, --follow', 'send new entries as they arrive, until Ctrl-C').conflicts('until'))
    .option('--rotate <mib>', 'with --follow and --out: MiB of a file', countUpTo(100_000), 100)
    .option('--keep <n>', 'with --follow and --out: full files that are kept', countUpTo(1_000), 8)
    .option('--since <time>', 'entries from this time on: a date, or a time ago (24h)', parseTime)
    .option('--until <time>', 'entries before this time', parseTime)
    .addOption(whereOption())
    .addHelpText('after', help)
  onCall<Options, []>(command, finish, async invocation => {
    const { settings, options } = invocation
    const { auditSources } = await import('../audit/audit-source.ts')
    const [source] = await auditSources(settings.data, settings.proxy, options.where)
    if (source === undefined) return
    if (options.follow === true) return follow(source, invocation)
    if (options.syslog !== undefined) return toSyslog(source, options.syslog, invocation)
    if (options.out !== undefined) return toFile(source, options.out, invocation)
    await toOutput(source, invocation)
  })
}

async function* wanted(
  source: AuditSource,
  { since = 0, until = Infinity }: Options,
  signal: AbortSignal,
): AsyncGenerator<AuditEntry> {
  for await (const entry of source.entries(since === 0 ? {} : { since }, signal))
    if (entry.at >= since && entry.at < until) yield entry
}

async function toFile(
  source: AuditSource,
  out: string,
  { options, output, signal }: Invocation<Options>,
): Promise<void> {
  const { writeExport } = await import('../audit/export-file.ts')
  let count = 0
  const lines = async function* () {
    for await (const entry of wanted(source, options, signal)) {
      yield `${formatAuditLine(entry)}\n`
      count++
    }
  }
  await writeExport(out, lines())
  output.result({ file: out, entries: count }, () => `${counted(count)} written to ${out}`)
}

async function toOutput(source: AuditSource, { options, signal }: Invocation<Options>): Promise<void> {
  const { stdout } = process
  // Kept elsewhere an entry has the bytes of the store; on a terminal nothing in it may be obeyed.
  const shown = stdout.isTTY ? printableJson : (line: string) => line
  for await (const entry of wanted(source, options, signal))
    if (!stdout.write(`${shown(formatAuditLine(entry))}\n`)) await once(stdout, 'drain')
}

async function toSyslog(
  source: AuditSource,
  syslog: string,
  { options, output, signal }: Invocation<Options>,
): Promise<void> {
  const { openReceiver, parseSyslogAddress } = await import('../audit/syslog-receiver.ts')
  const { syslogMessage } = await import('../audit/syslog-message.ts')
  const receiver = await openReceiver(parseSyslogAddress(syslog), signal)
  let count = 0
  try {
    for await (const entry of wanted(source, options, signal)) {
      await receiver.send(syslogMessage(entry))
      count++
    }
  } finally {
    await receiver.close()
  }
  output.result({ syslog, entries: count }, () => `${counted(count)} sent to ${syslog}`)
}

/** @throws MeshError invalid_argument without a receiver */
async function follow(
  source: AuditSource,
  { settings, options, output, signal }: Invocation<Options>,
): Promise<void> {
  const { out, syslog, rotate, keep, since = 0 } = options
  const place = syslog ?? out
  if (place === undefined)
    throw new MeshError('invalid_argument', 'Cannot follow: --follow needs --syslog RECEIVER or --out FILE', {
      hint: 'agent-mesh audit tail --follow prints new entries.',
    })
  const [{ openReceiver, parseSyslogAddress }, { syslogMessage }, { rotatedFile }] = await Promise.all([
    import('../audit/syslog-receiver.ts'),
    import('../audit/syslog-message.ts'),
    import('../audit/rotated-file.ts'),
  ])
  const [{ readPosition, writePosition }, { followExport }] = await Promise.all([
    import('../audit/export-position.ts'),
    import('../audit/follow-export.ts'),
  ])
  const address = syslog === undefined ? undefined : parseSyslogAddress(syslog)
  const name = `${source.where} ${place}`
  const sent = await followExport({
    source: {
      entries: async function* (from, until) {
        for await (const entry of source.entries(from, until)) if (entry.at >= since) yield entry
      },
    },
    open: () =>
      address === undefined
        ? rotatedFile({ file: place, most: rotate * 2 ** 20, keep })
        : openReceiver(address, signal),
    format: address === undefined ? formatAuditLine : entry => syslogMessage(entry),
    after: await readPosition(settings.data, name),
    keep: seq => writePosition(settings.data, name, seq),
    onTrouble: error => {
      showFailure(error, { ...settings, json: false })
      process.stderr.write('Retrying until it can be exported; Ctrl-C stops.\n')
    },
    signal,
  })
  output.result({ to: place, entries: sent }, () => `${counted(sent)} sent to ${place}`)
}

const counted = (count: number): string => `${count} ${count === 1 ? 'entry' : 'entries'}`

/** Unix milliseconds: `24h` is so long ago, else a date. */
function parseTime(text: string): number {
  const date = Date.parse(text)
  if (/^\d{4}-/.test(text) && !Number.isNaN(date)) return date
  try {
    return Math.max(0, Date.now() - parseDuration(text))
  } catch {
    throw new InvalidArgumentError(
      'It is neither a date (2026-01-31, 2026-01-31T12:00:00Z) nor a time ago (30m, 24h, 7d).',
    )
  }
}
