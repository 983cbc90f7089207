/**
 * Takes secrets out of whatever is shown or stored for people: logs, errors, status, reports. By the name of the field
 * and by the look of the value, at any depth. It never throws and never changes what it is given.
 */
import { MeshError } from './errors.ts'

export const redacted = '[redacted]'

/** Longer text is cut: it is no log line any more. */
const textChars = 64 * 1024
const mostDepth = 32
const mostNodes = 20_000

/** Compared in lower case, without `-` and `_`. */
const secretNames = new Set(
  (
    'token jointoken secret password passwd pwd passphrase privatekey privatejwk privkey secretkey d dp dq p q qi k ' +
    'authorization proxyauthorization cookie setcookie credential credentials jwt apikey securitytoken accesskey secretaccesskey ' +
    'sessiontoken accesstoken refreshtoken idtoken bearer connectionstring'
  ).split(' '),
)
const secretEnding =
  /(secret|password|passphrase|privatekey|secretkey|accesskey|accesstoken|sessiontoken|securitytoken|jointoken|meshtoken)$/

/** The letters of a JWK mean something else as numbers and short words. */
const isShort = (name: string, value: unknown): boolean =>
  name.length <= 2 && (typeof value === 'number' || (typeof value === 'string' && value.length < 16))

function isSecret(field: string, value: unknown): boolean {
  if (value === undefined || value === null || typeof value === 'boolean') return false
  const name = field.toLowerCase().replaceAll(/[-_\s]/g, '')
  return (secretNames.has(name) || secretEnding.test(name)) && !isShort(name, value)
}

const quoted =
  'token|secret|password|passwd|passphrase|privateKey|private_key|d|credential|jwt|authorization|apiKey|api_key|secretAccessKey|sessionToken'
const assigned =
  'token|secret|password|passwd|pwd|passphrase|access_token|refresh_token|id_token|api_key|apikey|secret_access_key|session_token|sig|signature|x-amz-signature|x-amz-security-token|x-amz-credential'

/** In this order; each takes time in proportion to the text. */
const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, redacted],
  [/amj1\.[\w.-]*/gi, `amj1.${redacted}`],
  [/amg1\.[\w.-]*/gi, `amg1.${redacted}`],
  // A JWS or JWT, also one that was cut: its header is base64url of {"
  [/(?<![\w-])eyJ[\w-]{8,}(?:\.[\w-]*){0,4}/g, redacted],
  // JSON inside text, to the end of the string: it may hold quotes.
  [
    new RegExp(`((?<!\\\\)"(?:${quoted})"\\s{0,4}:\\s{0,4}")(?:[^"\\\\]|\\\\[\\s\\S])+`, 'gi'),
    `$1${redacted}`,
  ],
  // The same when it was quoted again.
  [
    new RegExp(`(\\\\{0,9}"(?:${quoted})\\\\{0,9}"\\s{0,4}:\\s{0,4}\\\\{0,9}")[^"\\\\]+`, 'gi'),
    `$1${redacted}`,
  ],
  // What a terminal or a debugger shows: d: '...'
  [new RegExp(`(\\b(?:${quoted})'?:\\s{0,4}')[^'\\n]+`, 'gi'), `$1${redacted}`],
  [/(\bauthorization["']?\s{0,4}[:=]\s{0,4}["']?)(?:[\w-]+\s+)?[^\s"',;]+/gi, `$1${redacted}`],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/g, `$1 ${redacted}`],
  // A password may hold / and @ although it should not; the port of a web address is none.
  [
    /:\/\/[^\s/@:"'<>]{0,256}:(?!(?<=\b(?:https?|wss?):\/\/[^\s/@:]{0,256}:)\d{1,5}[/?#])[^\s"'<>]{0,512}@/g,
    `://${redacted}@`,
  ],
  [/:\/\/[^\s/?#"'<>@]{1,512}@/g, `://${redacted}@`],
  // Also as the end of a longer name: AWS_SECRET_ACCESS_KEY, PGPASSWORD.
  [new RegExp(`\\b((?:[\\w-]{0,48}[_-]|PG)?(?:${assigned})=)[^\\s"'\\\\&#;,]+`, 'gi'), `$1${redacted}`],
]

/** Text without the secrets that can be recognised by their form. */
export function redactText(text: string): string {
  let shown = text
  if (text.length > textChars) {
    // Not in the middle of a word: half a secret may not look like one.
    const end = Math.max(...[' ', '\n', '\t'].map(space => text.lastIndexOf(space, textChars))) + 1
    shown = `${text.slice(0, end)}[${text.length - end} characters more]`
  }
  for (const [pattern, by] of patterns) shown = shown.replace(pattern, by)
  return shown
}

/** A copy that JSON can write: errors, maps, sets, buffers and circles become plain, secrets go. */
export function redact(value: unknown): unknown {
  return new Redaction().of(value, 0)
}

class Redaction {
  readonly #path = new Set<object>()
  #nodes = 0

  of(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        return redactText(value)
      case 'bigint':
        return String(value)
      case 'symbol':
        return redactText(String(value))
      case 'function':
        return '[function]'
      case 'object':
        return value === null ? null : this.#guarded(value, depth)
      default:
        return value
    }
  }

  #guarded(value: object, depth: number): unknown {
    if (this.#path.has(value)) return '[circular]'
    if (depth >= mostDepth || ++this.#nodes > mostNodes) return '[too much]'
    this.#path.add(value)
    try {
      return this.#object(value, depth + 1)
    } catch {
      return '[unreadable]'
    } finally {
      this.#path.delete(value)
    }
  }

  #object(value: object, depth: number): unknown {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
    if (Array.isArray(value)) return value.map(item => this.of(item, depth))
    if (value instanceof Set) return [...value].map(item => this.of(item, depth))
    if (value instanceof Error) return this.#error(value, depth)
    if (value instanceof Map || isHeaders(value))
      return this.#fields(
        [...value].map(([key, item]) => [key, () => item as unknown]),
        depth,
      )
    if (value instanceof RegExp || value instanceof String) return redactText(String(value))
    if ('toJSON' in value && typeof value.toJSON === 'function')
      return this.of((value.toJSON as () => unknown)(), depth)
    return this.#named(Object.keys(value), value, depth)
  }

  #error(error: Error, depth: number): unknown {
    const shown = ['name', 'message', 'stack', 'told']
    const stack = error instanceof MeshError && error.told ? [] : ['stack']
    const own = Object.getOwnPropertyNames(error).filter(name => !shown.includes(name))
    return {
      type: this.of(error.name, depth),
      ...this.#named(['message', ...stack, ...own], error, depth),
    }
  }

  #named(names: readonly string[], value: object, depth: number): Record<string, unknown> {
    return this.#fields(
      names.map(name => [name, () => (value as Record<string, unknown>)[name]]),
      depth,
    )
  }

  #fields(entries: readonly (readonly [unknown, () => unknown])[], depth: number): Record<string, unknown> {
    return Object.fromEntries(
      entries.map(([key, read]) => {
        const shown = this.of(key, depth)
        const name = typeof shown === 'string' ? shown : (JSON.stringify(shown) ?? 'undefined')
        return [name, this.#field(typeof key === 'string' ? key : '', read, depth)]
      }),
    )
  }

  /** A getter may throw. */
  #field(name: string, read: () => unknown, depth: number): unknown {
    try {
      const value = read()
      return isSecret(name, value) ? redacted : this.of(value, depth)
    } catch {
      return '[unreadable]'
    }
  }
}

/** Of the Web, by its tag: naming the class would load the library of `fetch`. */
const isHeaders = (value: object): value is Headers =>
  Object.prototype.toString.call(value) === '[object Headers]' && Symbol.iterator in value
