/** One engine, with the images of this checkout, for all files of tests. */
import type { TestProject } from 'vitest/node'
import { baseImage } from './base-image.ts'
import { openEngine } from './engine.ts'
import { buildImage, targets, type Images } from './image.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Or the reason why there is none. */
    engine: { host?: string; images: Images } | string
  }
}

export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const engine = await openEngine().catch((error: unknown) => String(error))
  if (typeof engine === 'string') {
    if (process.env['CI'] === 'true') throw new Error(engine)
    project.provide('engine', engine)
    return undefined
  }
  try {
    const images: Images = { base: await baseImage(engine) }
    // One after the other: they share the layers that they have in common.
    for (const target of targets) images[target] = await buildImage(engine, target, images.base)
    const { host } = engine
    project.provide('engine', { images, ...(host !== undefined && { host }) })
  } catch (error) {
    await engine.close()
    throw error
  }
  return () => engine.close()
}
