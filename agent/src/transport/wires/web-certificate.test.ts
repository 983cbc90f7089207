import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { refusal } from '../../../../test/support/refusal.ts'
import { writeWebCertificate, type WebCertificateFiles } from '../../../../test/support/web-certificate.ts'
import { transportDefaults } from '../defaults.ts'
import { targetOf, TestTransports } from '../testing/test-transports.ts'
import { WebCertificate } from './web-certificate.ts'

const own = getCACertificates('default')

let folder = ''
let files: WebCertificateFiles
let mesh: TestTransports

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificate-'))
  files = await writeWebCertificate(folder)
  mesh = await TestTransports.create()
})
afterEach(async () => {
  setDefaultCACertificates(own)
  await mesh.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Fingerprint of the certificate that a TLS client receives at a port. */
async function shownAt(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

describe('a WebSocket below TLS of the web', () => {
  const listening = async (listen = ['/ip4/127.0.0.1/tcp/0/wss']) => {
    const b = await mesh.join('b', { listen, certificate: { cert: files.cert, key: files.key } })
    const port = Number(b.listening()[0]?.split('/')[4])
    return { b, port, named: { ...targetOf(b), addrs: [`/dns4/localhost/tcp/${port}/wss`] } }
  }

  it('carries a link to who trusts its certificate, under the name it is for', async () => {
    setDefaultCACertificates([...own, files.text])
    const { b, named } = await listening()
    const a = await mesh.join('a', { listen: [] })
    const link = await a.connect(named)
    expect(link).toMatchObject({ path: 'direct', peer: { credential: { name: 'b' } } })
    expect(b.links.size).toBe(1)
  })

  it('is refused by who does not trust its certificate', async () => {
    const { named } = await listening()
    const a = await mesh.join('a', { listen: [] })
    expect(await refusal(a.connect(named))).toMatch(/^unavailable: .*certificate/)
  })

  it('is listed only where it is announced, and plain addresses beside it stay plain', async () => {
    const { b } = await listening(['/ip4/127.0.0.1/tcp/0/ws', '/ip4/127.0.0.1/tcp/0/wss'])
    expect(b.listening().map(addr => addr.split('/').at(-1))).toEqual(['ws', 'wss'])
    expect(b.addresses()).toEqual([expect.stringMatching(/\/ws$/)])
    const a = await mesh.join('a', { listen: [] })
    expect((await a.connect(targetOf(b))).path).toBe('direct')
  })

  it('ends connections that do not speak TLS, and those that fall silent, when it stops', async () => {
    const { b, port } = await listening()
    const plain = connectTcp(port, '127.0.0.1')
    plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    plain.on('error', () => {})
    await once(plain, 'close')
    const mute = connectTcp(port, '127.0.0.1')
    await once(mute, 'connect')
    const closed = once(mute, 'close')
    await b.stop()
    await closed
  })
})

describe('the certificate of the web', () => {
  it('is read anew once its files have changed, and kept while they do not fit each other', async () => {
    const errors: unknown[] = []
    let now = 0
    const certificate = new WebCertificate({ ...files, now: () => now, onError: error => errors.push(error) })
    const first = certificate.context()
    now += transportDefaults.certificateLookMs
    expect(certificate.context()).toBe(first)
    await writeFile(files.cert, 'half of it')
    now += transportDefaults.certificateLookMs
    expect(certificate.context()).toBe(first)
    expect(errors).toHaveLength(1)
    await writeWebCertificate(folder)
    expect(certificate.context()).toBe(first)
    now += transportDefaults.certificateLookMs
    expect(certificate.context()).not.toBe(first)
  })

  it('is what a client sees', async () => {
    const b = await mesh.join('b', { listen: ['/ip4/127.0.0.1/tcp/0/wss'], certificate: files })
    const { X509Certificate } = await import('node:crypto')
    const { fingerprint256 } = new X509Certificate(files.text)
    expect(await shownAt(Number(b.listening()[0]?.split('/')[4]))).toBe(fingerprint256)
  })
})
