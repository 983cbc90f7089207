/**
 * A service of raw bytes: an image goes to another machine, and its thumbnail comes back.
 *   export TOKEN=$(npx agent-mesh token create --uses 2)
 *   npx node examples/thumbnailer.ts
 */
import { createAgent, defineService, implementService, isErrorOf, type Agent } from '@agent-mesh/agent'
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'
import { decodePng, encodePng, shrunk } from './png.ts'

const side = 64

const images = defineService({
  name: 'images',
  version: 1,
  methods: {
    thumbnail: {
      about: `A PNG of at most ${side} x ${side} pixels, of a PNG of at most 1 MiB.`,
      params: z.instanceof(Uint8Array),
      result: z.instanceof(Uint8Array),
      effects: 'read',
      errors: { no_image: z.object({ reason: z.string() }) },
    },
  },
})

const imageService = implementService(images, {
  thumbnail(file, context) {
    try {
      return encodePng(shrunk(decodePng(file), side))
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw context.error('no_image', { reason }, reason)
    }
  },
})

const folder = await mkdtemp(join(tmpdir(), 'thumbnailer-'))
const token = process.env['TOKEN']
const agents: Agent[] = []
const start = async (name: string): Promise<Agent> => {
  const agent = await createAgent({
    ...{ data: join(folder, name), name, listen: ['/ip4/127.0.0.1/tcp/0'], ephemeral: true },
    ...(token !== undefined && { join: token }),
  })
  agents.push(agent)
  return agent
}

try {
  const server = await start('image-server')
  server.serve(imageService)
  const client = await start('image-client')
  await client.waitFor(images)
  const { thumbnail } = client.service(images)

  // Left half black, right half white, with an alpha channel.
  const [width, height] = [640, 480]
  const pixels = new Uint8Array(width * height * 4).fill(255)
  for (let at = 0; at < pixels.length; at += 4) if ((at / 4) % width < width / 2) pixels.fill(0, at, at + 3)
  const photo = encodePng({ width, height, channels: 4, pixels })

  const small = await thumbnail(photo)
  const image = decodePng(small)
  console.log(`${photo.length} bytes became ${small.length}: ${image.width} x ${image.height}`)
  assert.deepEqual([image.width, image.height, image.channels], [64, 48, 4])
  assert.deepEqual([...image.pixels.subarray(0, 4)], [0, 0, 0, 255])
  assert.deepEqual([...image.pixels.subarray(-4)], [255, 255, 255, 255])

  const refused = await thumbnail(photo.subarray(0, 100)).catch((error: unknown) => error)
  assert.ok(isErrorOf(images, 'thumbnail', refused) && refused.declared === 'no_image')
  console.log(`half an image is refused: ${refused.details.reason}`)
} finally {
  await Promise.all(agents.map(agent => agent.stop()))
  await rm(folder, { recursive: true, force: true })
}
