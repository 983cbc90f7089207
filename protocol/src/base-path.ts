/** A control plane behind a URL with a path, `https://example.org/mesh`: proxies strip that base, or pass it on. */

/** The path of a URL without a slash at its end: `/mesh`, or nothing. */
export const basePathOf = (url: string): string => new URL(url).pathname.replace(/\/+$/, '')

const served = /^\/(v1\/|health$|ready$|metrics$)/

/**
 * A request's path as the API names it, `/v1/map`, with the base or without. This is what a request signs: only so does the
 * signature fit on both sides of a proxy that strips the base.
 */
export function pathWithin(base: string, path: string): string {
  if (base === '' || !path.startsWith(`${base}/`)) return path
  const rest = path.slice(base.length)
  return served.test(rest) ? rest : path
}
