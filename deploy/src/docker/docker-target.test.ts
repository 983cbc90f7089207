/** What an image says of itself, and how it is found, over a program of the test in place of `docker`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { commands } from '../commands.ts'
import { Compose } from './compose.ts'
import { sameBuild } from '../target.ts'
import { DockerTarget, type DockerTargetInit } from './docker-target.ts'

/** The image `older` has another command line, `broken` does not start, and no other but `newer` is there. */
const docker = `#!/bin/sh
case "$*" in
'compose version') ;;
*' newer admin schema --json') echo '{"sqlite":8,"postgres":7}' ;;
*' older admin schema --json')
  echo "{\\"code\\":\\"invalid_argument\\",\\"message\\":\\"Cannot run the command: unknown command 'schema'\\"}" >&2
  exit 2 ;;
*' broken admin schema --json') exit 2 ;;
'image inspect '*) grep -qxF "$5" "$0.images" || exit 1; echo "id of $5" ;;
'pull --quiet registry/mesh-relay@'*) echo "$3" >>"$0.images" ;;
*) echo 'Unable to find image' >&2; exit 125 ;;
esac
`

let folder: string
let target: DockerTarget
let init: DockerTargetInit
const { signal } = new AbortController()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docker-target-'))
  await writeFile(join(folder, 'docker'), docker, { mode: 0o755 })
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const project = 'compose'
  const place = { project, folder, files: [], envFile: undefined, healthyMs: 20_000 }
  const compose = await Compose.find({ commands: commands({ env, began: () => () => {} }), ...place }, signal)
  const files = { envFile: join(folder, '.env'), imagePrefix: 'registry/mesh-', backups: folder }
  init = { compose, project, ...files }
  target = new DockerTarget(init)
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

const here = (...images: string[]) => writeFile(join(folder, 'docker.images'), `${images.join('\n')}\n`)
const digest = `sha256:${'0f'.repeat(32)}`

test('finds an image for each role by a tag', async () => {
  await here('registry/mesh-relay:1', 'registry/mesh-control-plane:1', 'registry/mesh-agent:1')
  expect(await target.find('1', signal)).toEqual({
    relay: 'id of registry/mesh-relay:1',
    'control-plane': 'id of registry/mesh-control-plane:1',
    agent: 'id of registry/mesh-agent:1',
  })
  await expect(target.find('2', signal)).rejects.toThrow('there is no image registry/mesh-relay:2')
})

test('finds one image for all roles by a digest: in the engine, else in one of the repositories', async () => {
  await here(digest)
  expect(await target.find(digest, signal)).toEqual(sameBuild(`id of ${digest}`))
  await here(`registry/mesh@${digest}`)
  expect(await target.find(digest, signal)).toEqual(sameBuild(`id of registry/mesh@${digest}`))
  await here('another')
  expect(await target.find(digest, signal)).toEqual(sameBuild(`id of registry/mesh-relay@${digest}`))
  await here('another')
  const refused = new DockerTarget({ ...init, imagePrefix: 'elsewhere/mesh-' }).find(digest, signal)
  await expect(refused).rejects.toThrow(`nor elsewhere/mesh-agent@${digest}`)
})
