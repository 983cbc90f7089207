import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => void vi.doUnmock('node:v8'))

it('does nothing where the flags of V8 cannot be set', async () => {
  vi.resetModules()
  vi.doMock('node:v8', () => ({ setFlagsFromString: () => undefined }))
  const { countBuffers } = await import('./young-garbage.ts')
  expect(() => countBuffers(64 * 1024 * 1024)).not.toThrow()
})
