/** The file `.env` of a Compose project: what the next `docker compose up` starts. */
import { readFile, rename, writeFile } from 'node:fs/promises'

/** Sets variables and keeps all other lines; the file is whole at any time. */
export async function setVariables(file: string, variables: Readonly<Record<string, string>>): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const isSet = (line: string) => Object.keys(variables).some(name => line.startsWith(`${name}=`))
  const others = text.split('\n').filter(line => line !== '' && !isSet(line))
  const lines = [...others, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)]
  await writeFile(`${file}.part`, `${lines.join('\n')}\n`, { mode: 0o600 })
  await rename(`${file}.part`, file)
}
