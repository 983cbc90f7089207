import { expect, it } from 'vitest'

import { hashOfSecret, randomId, randomSecret } from './secrets.ts'

it('no id begins with a hyphen: a command would take it for an option', () => {
  for (let i = 0; i < 1_000; i++) {
    expect(randomId()).toMatch(/^\w[\w-]{21}$/)
    expect(hashOfSecret(Buffer.from(randomSecret()).toString('base64url'))).toMatch(/^\w/)
  }
})
