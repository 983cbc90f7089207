import { describe, expect, test } from 'vitest'
import { parsePublicUrl } from './public-url.ts'

describe('parsePublicUrl()', () => {
  test.each([
    ['https://mesh.example.com', 'https://mesh.example.com'],
    ['https://mesh.example.com/', 'https://mesh.example.com'],
    ['http://192.0.2.1:8440', 'http://192.0.2.1:8440'],
    ['https://example.org/mesh', 'https://example.org/mesh'],
    ['https://example.org/a/b-1/', 'https://example.org/a/b-1'],
  ])('takes %s', (text, url) => expect(parsePublicUrl(text)).toBe(url))

  test.each([
    ['example.org', 'no http(s) URL'],
    ['ftp://example.org', 'no http(s) URL'],
    ['https://example.org?x=1', 'more than a path'],
    ['https://example.org/#', 'more than a path'],
    ['https://user@example.org', 'user or password'],
    ['https://user:hunter2@example.org', 'user or password'],
    ['http://0.0.0.0:8440', 'every address'],
    ['http://0:8440', 'every address'],
    ['http://[::]:8440/mesh', 'every address'],
    ['https://example.org//mesh', 'unusual parts'],
    ['https://example.org/a%20b/$', 'unusual parts'],
  ])('refuses %s', (text, reason) => {
    expect(() => parsePublicUrl(text)).toThrow(reason)
    expect(() => parsePublicUrl(text)).not.toThrow('hunter2')
  })
})
