import { InvalidArgumentError, Option } from 'commander'

import { parseDuration } from '../arguments.ts'
import { withProgress } from '../show/progress.ts'
import { upgradeDefaults } from '../upgrade/defaults.ts'
import { isVersion } from '../upgrade/release-version.ts'
import type { Upgraded } from '../upgrade/upgrade.ts'
import { onCall, type Register } from './define.ts'

interface UpgradeOptions {
  to?: string
  from?: string
  back?: boolean
  sha256?: string
  program?: string
  /** Milliseconds. */
  readyWithin: number
  dryRun?: boolean
}

export const registerUpgrade: Register = (program, finish) => {
  const command = program
    .command('upgrade')
    .description('replace the single file by another version, and go back when that does not get ready')
    .option('--to <version>', 'the version, also an older one (default: the newest)', parseVersion)
    .option('--from <place>', 'URL or folder of the releases (default: where it was installed from)')
    .option('--sha256 <hex>', 'checksum of the download, in place of the one in SHA256SUMS', parseSha256)
    .addOption(
      new Option('--back', 'go back to the version of before, which is kept').conflicts([
        'to',
        'from',
        'sha256',
        'dryRun',
      ]),
    )
    .option('--program <file>', 'the single file to replace (default: this one)')
    .option(
      '--ready-within <time>',
      'how long the services may take until they are ready',
      parseDuration,
      upgradeDefaults.readyMs,
    )
    .option('--dry-run', 'show what it would do')
    .addHelpText(
      'after',
      `
The services that run the program are restarted. If one is not ready in time, or at Ctrl-C, the version of before is restored.

Examples:
  $ agent-mesh upgrade
  $ agent-mesh upgrade --to 1.2.3 --from https://releases.example.com
  $ agent-mesh upgrade --dry-run --json | jq .version
  $ sudo agent-mesh upgrade --back

Exit codes: 0 it is of that version, 1 the download is damaged, 4 another user installed it, 5 the new version was not ready and
the version of before is, 6 the releases are unreachable, or neither version is ready, 7 there is no such release, or npm or a
package manager installed the program, 8 only an older release is there, or another upgrade runs.`,
    )
  onCall<UpgradeOptions, []>(command, finish, async ({ options, settings, output, signal }) => {
    const { installedProgram, lockProgram } = await import('../upgrade/installed-program.ts')
    const { goBack, plan, upgrade } = await import('../upgrade/upgrade.ts')
    const { to, from, sha256, readyWithin: readyMs, back = false, dryRun = false } = options
    const installed = await installedProgram(options.program)
    const access = { proxy: settings.proxy, pinned: sha256 !== undefined, signal }
    const done = await withProgress(settings, `Upgrading ${installed.path}`, async say => {
      const init = { program: installed, to, from, sha256, readyMs, access, say }
      if (dryRun) return plan(init)
      const unlock = await lockProgram(installed)
      try {
        return await (back ? goBack(init) : upgrade(init))
      } finally {
        unlock()
      }
    })
    output.result(done, () => sentences(done, sha256 !== undefined))
  })
}

function parseVersion(text: string): string {
  const version = text.replace(/^v/, '')
  if (isVersion(version)) return version
  throw new InvalidArgumentError('It is no version like 1.2.3 or 1.2.3-rc.1.')
}

function parseSha256(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase()
  throw new InvalidArgumentError('It is no SHA-256 checksum: 64 hexadecimal digits.')
}

/** @param pinned whether the caller had the checksum from elsewhere */
function sentences(
  { outcome, program, version, before, release, services, stopped }: Upgraded,
  pinned: boolean,
): string[] {
  const was = before === undefined ? '' : ` (it was ${before})`
  const first = {
    upgraded: `${program} is ${version} now${was}; "agent-mesh upgrade --back" goes back.`,
    back: `${program} is ${version} again${was}; "agent-mesh upgrade --back" undoes that.`,
    current: `${program} is ${version} already.`,
    planned: `${program} would be ${version}${was}.`,
  }[outcome]
  const verb = outcome === 'planned' ? 'To be restarted' : 'Restarted and ready'
  const isNews = outcome !== 'current'
  return [
    first,
    ...(isNews && services.length > 0 ? [`${verb}: ${services.join(', ')}.`] : []),
    ...(isNews && services.length === 0
      ? ['No service runs it; processes that run keep their version until they are restarted.']
      : []),
    ...(isNews && stopped.length > 0
      ? [`Left as they are, because they do not run: ${stopped.join(', ')}.`]
      : []),
    ...(isNews && release !== undefined && !pinned
      ? [
          `SHA256SUMS of ${release} is not signed: it finds damage, not an attacker who controls that place; --sha256 does.`,
        ]
      : []),
  ]
}
