import { isSea } from 'node:sea'

/** The program and first arguments that run this command again: the script is inside the program of a single file. */
export const ownCommand = (): readonly [program: string, ...args: string[]] =>
  isSea() ? [process.execPath] : [process.execPath, process.argv[1] ?? '']
