/** A program with its first arguments, which the owner of a machine lets members run. */
export interface AllowedProgram {
  /** Absolute path. */
  readonly program: string
  readonly args: readonly string[]
  /** Whether callers may add arguments, none of them an option. */
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
 * The arguments that a command runs an allowed program with; undefined: it is another command. The program may be named without its
 * folders. An option that a caller adds could make another program of it (`find -exec`, `tar --to-command`): it is none.
 */
export function argumentsOf(
  command: readonly string[],
  allowed: AllowedProgram,
): readonly string[] | undefined {
  const [program, ...args] = command
  const { args: first } = allowed
  if (program !== allowed.program && program !== allowed.program.slice(allowed.program.lastIndexOf('/') + 1))
    return undefined
  if (first.some((word, at) => args[at] !== word)) return undefined
  const added = args.slice(first.length)
  if (added.length > 0 && (!allowed.more || added.some(word => word.startsWith('-')))) return undefined
  return args
}
