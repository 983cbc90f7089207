import type { ErrorCode } from '@agent-mesh/protocol'
import { expect } from 'vitest'

/** Matches an error by its code and a part of its message. */
export const failing = (code: ErrorCode, text = ''): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as unknown })
