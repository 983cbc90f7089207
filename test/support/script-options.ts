import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/**
 * The options of a script of the checkout. Ends the process with 0 after `--help`, with 2 for an option that it does not have.
 * @param usage shown then @param allowPositionals whether it takes names, too
 */
export function scriptOptions<const Options extends ParseArgsOptionsConfig>(
  usage: string,
  options: Options,
  allowPositionals = false,
) {
  try {
    const asked = parseArgs({
      allowPositionals,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
    })
    if ((asked.values as { help?: boolean }).help !== true)
      return asked as ReturnType<typeof parseArgs<{ options: Options; allowPositionals: true }>>
  } catch (error) {
    endWrongly(error instanceof Error ? error.message : String(error), usage)
  }
  console.log(usage)
  process.exit(0)
}

/** Ends the process with 2. @param reason what is wrong with an option */
export function endWrongly(reason: string, usage: string): never {
  console.error(`${reason}\n\n${usage}`)
  process.exit(2)
}
