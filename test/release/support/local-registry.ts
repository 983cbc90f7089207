import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What `npm publish` sends. */
interface Publication {
  name: string
  'dist-tags': Record<string, string>
  versions: Record<string, { dist: { tarball: string } }>
  _attachments: Record<string, { data: string }>
}

type Packument = Omit<Publication, '_attachments'>

/**
 * A registry that accepts what is published to it and sends requests for all else on to `upstream`: npm meets what a user's npm
 * would after a release.
 */
export async function localRegistry(upstream: string) {
  const packages = new Map<string, Packument>()
  const tarballs = new Map<string, Buffer>()

  const publish = (sent: Publication) => {
    const { _attachments: attachments, ...packument } = sent
    const known = packages.get(sent.name)
    for (const [version, { dist }] of Object.entries(sent.versions)) {
      if (known?.versions[version] !== undefined) return 409
      const [file] = Object.entries(attachments).find(([name]) => name.endsWith(`-${version}.tgz`)) ?? []
      const path = `/tarballs/${sent.name}/${version}.tgz`
      tarballs.set(path, Buffer.from(attachments[file ?? '']?.data ?? '', 'base64'))
      dist.tarball = `${url()}${path}`
    }
    packages.set(sent.name, {
      ...packument,
      'dist-tags': { ...known?.['dist-tags'], ...sent['dist-tags'] },
      versions: { ...known?.versions, ...sent.versions },
    })
    return 201
  }

  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', url()).pathname)
    const tarball = tarballs.get(path)
    const packument = packages.get(path.slice(1))
    if (request.method === 'PUT')
      void bodyOf(request).then(body =>
        response.writeHead(publish(JSON.parse(body) as Publication)).end('{}'),
      )
    else if (tarball !== undefined) response.end(tarball)
    else if (packument !== undefined)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(packument))
    else response.writeHead(302, { location: new URL(request.url ?? '/', upstream).href }).end()
  })
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: url(),
    stop: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
