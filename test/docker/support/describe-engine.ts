import { describe, inject } from 'vitest'
import { engineAt, type Engine } from './engine.ts'
import type { Images } from './image.ts'

const found = inject('engine')
if (typeof found === 'string') console.log(`skipped: ${found}`)

/** The engine, and names of images in it; only inside of {@link describeEngine}. */
export const engine: Engine = engineAt(typeof found === 'string' ? undefined : found.host)
export const images: Images = typeof found === 'string' ? { base: '' } : found.images

/** Skips with a printed reason where there is no engine; in CI that fails. */
export const describeEngine = typeof found === 'string' ? describe.skip : describe
