/** The code of a page of docs/ is one program, and says in its comments what it prints. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const docs = join(import.meta.dirname, '..', '..', 'docs')

/** @throws Error for a page whose code prints nothing, or something that no comment says */
export async function pageProgram(name: string): Promise<{ program: string; promised: string[] }> {
  const page = await readFile(join(docs, name), 'utf8')
  const program = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, block = '']) => block).join('\n')
  const promised = [...program.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, said = '']) => said)
  if (promised.length === 0 || promised.length !== program.match(/console\.log/g)?.length)
    throw new Error(`docs/${name} has ${promised.length} lines that say what they print`)
  return { program, promised }
}
