import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { writeWebCertificate, type WebCertificateFiles } from '../../../test/support/web-certificate.ts'
import { parseMemberOptions } from './options.ts'

let folder = ''
let files: WebCertificateFiles

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificate-'))
  files = await writeWebCertificate(folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const start = (more: object) => () => parseMemberOptions({ data: folder, ...more })
const listen = ['/ip4/127.0.0.1/tcp/0/wss']

it('a certificate of the web is asked for before anything is spent on a start', () => {
  const { cert, key } = files
  expect(start({ listen })).toThrow(/Cannot listen on .*: there is no certificate/)
  expect(start({ listen, certificate: { cert, key: cert } })).toThrow(/Cannot use certificate/)
  expect(start({ listen, certificate: { cert, key: join(folder, 'none') } })).toThrow(/ENOENT/)
  expect(start({ listen, certificate: { cert, key, ca: 'x' } })).toThrow(/certificate\.ca/)
  expect(start({ listen, certificate: { cert, key } })()).toMatchObject({ certificate: { cert, key } })
})
