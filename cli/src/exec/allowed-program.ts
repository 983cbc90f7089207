import { posix } from 'node:path'

/** A program with its first arguments, which the owner of a machine lets members run. */
export interface AllowedProgram {
  /** Absolute path. */
  readonly program: string
  readonly args: readonly string[]
  /** Whether callers may add arguments, none of them with `-` before it. */
  readonly more: boolean
}

/** `/usr/bin/systemctl status *`: words with spaces between; undefined for what does not begin with an absolute path. */
export function readAllowedProgram(text: string): AllowedProgram | undefined {
  const [program = '', ...args] = text.trim().split(/\s+/)
  if (!program.startsWith('/') || program.endsWith('/') || text.includes('\0')) return undefined
  const more = args.at(-1) === '*'
  return { program, args: more ? args.slice(0, -1) : args, more }
}

/**
 * Programs that run others, or write any file, by arguments without `-` (`tar xf`, `awk 'BEGIN {system("id")}'`, `dd of=x`), and
 * languages. It cannot name all.
 */
const languages = new Set(
  `ar awk gawk mawk nawk original-awk sed gsed find dd make gmake ninja tar gtar bsdtar cpio busybox toybox
   sh bash dash ash zsh ksh mksh csh tcsh fish pwsh expect tclsh perl python pypy ruby node nodejs deno bun lua luajit php
   R Rscript guile java gdb lldb ed ex vi vim nvim nano emacs less more man dc m4 sqlite
   env sudo doas su runuser nice ionice nohup timeout time strace ltrace watch xargs parallel setsid flock stdbuf taskset
   chroot unshare nsenter systemd-run script screen tmux at batch crontab ssh scp sftp rsync socat nc ncat
   cp mv ln tee install`.split(/\s+/),
)

/** Whether arguments that callers add could make any program of it. `python3.12` is `python`. */
export const isOpenToCallers = ({ program, more }: AllowedProgram): boolean =>
  more && languages.has(posix.basename(program).replace(/[\d.]+$/, ''))

/**
 * The arguments that a command runs an allowed program with; undefined: it is another command. The program may be named without its
 * folders. A caller adds no option, which could make another program of it (`sort --compress-program`). That is no proof that it stays
 * the same: {@link isOpenToCallers}.
 */
export function argumentsOf(
  command: readonly string[],
  allowed: AllowedProgram,
): readonly string[] | undefined {
  const [program, ...args] = command
  const { args: first } = allowed
  if (program !== allowed.program && program !== posix.basename(allowed.program)) return undefined
  if (first.some((word, at) => args[at] !== word)) return undefined
  const added = args.slice(first.length)
  if (added.length > 0 && (!allowed.more || added.some(word => word.startsWith('-')))) return undefined
  return args
}
