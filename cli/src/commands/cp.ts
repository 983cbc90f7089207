import { MeshError } from '@agent-mesh/protocol/errors'

import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { parseCopyPlace, type CopyPlace } from '../files/copy-place.ts'
import type { Copied } from '../files/copy.ts'
import { withProgress } from '../show/progress.ts'
import type { Text } from '../show/text.ts'
import { bytes as bytesText, duration } from '../show/units.ts'
import { onCall, type Register } from './define.ts'

interface Options {
  recursive?: true
}

/** Paths that are named in the result, of each kind. */
const shownPaths = 20

export const registerCp: Register = (program, finish) => {
  const command = program
    .command('cp')
    .description('copy files from members to this machine, or from it to a member')
    .argument(
      '<file...>',
      'what to copy, then where to: MEMBER:/PATH, or a path of this machine',
      collectPlace,
    )
    .option('-r, --recursive', 'copy folders with all that is in them')
    .addHelpText(
      'after',
      `
The owner of the other machine allows folders with "agent-mesh up --allow-files DIR", and the policy grants service:files.*, which
no member has by default. A file appears under its name once all of it has arrived; until then it is .NAME.mesh-part. A copy that was
interrupted continues there when it is started again. Links and devices are left out. Of a folder, the rest is copied when some
of it fails, and the exit code is that of the first failure.

Examples:
  $ agent-mesh cp web-1:/var/log/syslog .
  $ agent-mesh cp -r web-1:/var/log/nginx ./logs
  $ agent-mesh cp ./app.tar web-1:/srv/in/

Exit codes: 0 copied, 4 the policy or the owner does not allow it, 6 not reachable, or a disk is full, 7 no such file, member or
folder, 8 the file changed meanwhile, or two have one name, 130 interrupted.`,
    )
  onCall<Options, [CopyPlace[]]>(command, finish, async ({ settings, options, output, signal }, places) => {
    const [from, to] = [places.slice(0, -1), places.at(-1)]
    if (to === undefined || from.length === 0)
      throw new MeshError('invalid_argument', 'Cannot copy: name what to copy, and where to')
    const { copyAll } = await import('../files/copy.ts')
    const startedAt = performance.now()
    const copied = await withProgress(settings, 'Copying', say =>
      copyAll(from, to, {
        folder: settings.data,
        recursive: options.recursive === true,
        signal,
        onProgress: so => say(`Copying: ${told(so)}`),
      }),
    )
    const ms = performance.now() - startedAt
    output.result({ ...copied, ms }, () => resultText(copied, ms))
    const [failed] = copied.failed
    return failed === undefined ? exitCodes.ok : exitCodeOf(new MeshError(failed.code, failed.message))
  })
}

const collectPlace = (text: string, before: readonly CopyPlace[] | undefined): CopyPlace[] => [
  ...(before ?? []),
  parseCopyPlace(text),
]

const told = ({ files, bytes }: Copied): string =>
  `${files} ${files === 1 ? 'file' : 'files'}, ${bytesText(bytes)}`

function resultText(copied: Copied, ms: number): Text {
  return [
    `Copied ${told(copied)} in ${duration(ms)}.`,
    ...shown(copied.leftOut.map(path => `Left out, no file or not to be read: ${path}`)),
    ...shown(copied.failed.map(({ message }) => `Failed: ${message}`)),
  ]
}

function shown(lines: readonly string[]): string[] {
  const more = lines.length - shownPaths
  return [...lines.slice(0, shownPaths), ...(more > 0 ? [`and ${more} more`] : [])]
}
