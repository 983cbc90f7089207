import { runProgram, runTool } from './tools.ts'

/** Makes the tarball of a package folder. @returns its name in `out` */
export async function packInto(folder: string, out: string): Promise<string> {
  const printed = await runProgram('npm', ['pack', folder, '--json', '--pack-destination', out])
  const [packed] = JSON.parse(printed) as { filename: string }[]
  if (packed === undefined) throw new Error(`Cannot pack ${folder}: npm says ${printed}`)
  return packed.filename.replace('@', '').replace('/', '-')
}

/**
 * publint: the manifest names what is there; arethetypeswrong: importers get the types of the code that they run. ES modules only:
 * `require` of them works from Node 22 on.
 */
export async function checkPackage(tarball: string): Promise<void> {
  await runTool('publint', [tarball, '--strict'])
  await runTool('attw', [tarball, '--profile', 'esm-only', '--no-emoji'])
}
