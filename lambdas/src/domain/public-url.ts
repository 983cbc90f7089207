import { MeshError } from '@agent-mesh/protocol'
import { isIP } from 'node:net'

/**
 * The URL that members and join tokens are given, without a slash at its end. It may have a path, for a proxy that also
 * serves other sites.
 * @throws MeshError invalid_argument unless it is http(s) with a reachable host, and has no password, query or fragment
 */
export function parsePublicUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw refused(shown(text), 'is no http(s) URL')
  if (url.username !== '' || url.password !== '')
    throw refused(
      shown(text),
      'has a user or password, which every join token would carry',
      'Leave it out: requests are signed, they need no password.',
    )
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) throw refused(text, 'has more than a path')
  if (isAny(url.hostname))
    throw refused(
      text,
      `names ${url.hostname}, which is every address of a machine and none that members reach`,
      'Give the name or address that members use: --public-url https://mesh.example.com.',
    )
  const path = url.pathname.replace(/\/+$/, '')
  if (!/^(\/[\w.~%-]+)*$/.test(path)) throw refused(text, `has the path ${path}, with empty or unusual parts`)
  return url.origin + path
}

/** Without the part before the host: it may be a password. */
const shown = (text: string): string => text.replace(/\/\/[^/@]*@/, '//…@')

/** `0.0.0.0` and `::`, in any spelling. */
const isAny = (hostname: string): boolean => {
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIP(address) !== 0 && /^[0:.]+$/.test(address)
}

const refused = (url: string, reason: string, hint?: string): MeshError =>
  new MeshError('invalid_argument', `Cannot use public URL ${url}: it ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
  })
