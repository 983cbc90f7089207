import { version } from '@agent-mesh/protocol/version'

import { parseNewFile } from '../arguments.ts'
import { forPrograms } from '../show/for-programs.ts'
import { jsonLines } from '../show/output.ts'
import { onCall, type Register } from './define.ts'

export const registerBugReport: Register = (program, finish) => {
  const command = program
    .command('bug-report')
    .description('collect facts for a bug report, without secrets')
    .option('--out <file>', 'write to this file (mode 0600) instead of stdout', parseNewFile)
    .addHelpText(
      'after',
      `
Works with and without a running process. The report has no tokens, keys and credentials, but it has names and addresses of
members: read it before you send it to others.

Examples:
  $ agent-mesh bug-report --out report.json
  $ agent-mesh bug-report | jq .status`,
    )
  onCall<{ out?: string }, []>(command, finish, async ({ settings, options, output, signal }) => {
    const { bugReport } = await import('../audit/bug-report.ts')
    const report = forPrograms({ version, ...(await bugReport(settings.data, signal)) })
    if (options.out === undefined) return output.result(report, () => jsonLines(report))
    const { writeExport } = await import('../audit/export-file.ts')
    const { out } = options
    await writeExport(out, `${JSON.stringify(report, undefined, 2)}\n`)
    output.result({ file: out }, () => `Written to ${out}. Read it before you send it to others.`)
  })
}
