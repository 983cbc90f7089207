/** What an image says of itself, over a program of the test in place of `docker`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from '../commands.ts'
import { Compose } from './compose.ts'
import { DockerTarget } from './docker-target.ts'

/** The image `older` has another command line, `broken` does not start, and no other but `newer` is there. */
const docker = `#!/bin/sh
case "$*" in
'compose version') ;;
*' newer admin schema --json') echo '{"sqlite":8,"postgres":7}' ;;
*' older admin schema --json')
  echo "{\\"code\\":\\"invalid_argument\\",\\"message\\":\\"Cannot run the command: unknown command 'schema'\\"}" >&2
  exit 2 ;;
*' broken admin schema --json') exit 2 ;;
*) echo 'Unable to find image' >&2; exit 125 ;;
esac
`

let folder: string
let target: DockerTarget
const { signal } = new AbortController()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-target-'))
  await writeFile(join(folder, 'docker'), docker, { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const project = 'compose'
  const place = { project, folder, files: [], envFile: undefined, healthyMs: 20_000 }
  const compose = await Compose.find({ commands: commands({ env, began: () => () => {} }), ...place }, signal)
  const files = { envFile: join(folder, '.env'), imagePrefix: '', backups: folder }
  target = new DockerTarget({ compose, project, ...files })
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const schemaOf = (image: string) =>
  target.schema({ relay: 'relay', 'control-plane': image, agent: 'agent' }, signal)

test('reads the schema of an image, and takes an unknown command for a release that does not say', async () => {
  expect(await schemaOf('newer')).toEqual({ sqlite: 8, postgres: 7 })
  expect(await schemaOf('older')).toBeUndefined()
})

test.each([
  ['broken', 'exit 2'],
  ['missing', 'exit 125: Unable to find image'],
])('does not take the image %s for one of an older release', async (image, why) => {
  await expect(schemaOf(image)).rejects.toThrow(`Cannot read the schema of ${image}: Cannot run docker run`)
  await expect(schemaOf(image)).rejects.toThrow(why)
})
