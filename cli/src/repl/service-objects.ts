/** The services of the mesh as objects: `math.add({ a: 1, b: 2 })`. */

import type { KnownMethod } from '../local/described-services.ts'

/** What methods do, by their kind: `math.add`, or `math@2.add`. */
export interface UseMethod {
  calls: (method: string, params?: unknown, options?: object) => unknown
  streams: (method: string, params?: unknown, options?: object) => unknown
}

/** A name in JavaScript that needs no quotes. */
const isWord = (name: string): boolean => /^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)

/** Names come from other members. An object with `then` would be called when it is shown or returned. */
const isSafe = (name: string): boolean => /^[a-zA-Z][a-zA-Z0-9_-]*$/.test(name) && name !== 'then'

type Objects = Record<string, unknown>

/** Without a prototype: completion shows the methods alone, and no name has a meaning of its own. */
const empty = (): Objects => Object.create(null) as Objects

/**
 * @param methods by `math@2`
 * @returns by `math@2` each version; by `math` the newest; and `shop.orders` also as `orders` within `shop`
 */
export function serviceObjects(
  methods: ReadonlyMap<string, readonly KnownMethod[]>,
  use: UseMethod,
): Objects {
  const all = empty()
  const oldestFirst = [...methods].sort(([a], [b]) => versionOf(a) - versionOf(b))
  for (const [ref, known] of oldestFirst) {
    const service = ref.slice(0, ref.lastIndexOf('@'))
    all[ref] = objectOf(ref, known, use)
    place(all, service.split('.'), objectOf(service, known, use))
  }
  return all
}

/** Those that can be written without `services[...]`, and hide nothing that JavaScript has. */
export const asVariables = (services: Objects): Objects =>
  Object.fromEntries(Object.entries(services).filter(([name]) => isWord(name) && !(name in globalThis)))

function objectOf(service: string, methods: readonly KnownMethod[], use: UseMethod): Objects {
  const object = empty()
  for (const { name, kind } of methods.filter(({ name }) => isSafe(name)))
    object[name] = (params?: unknown, options?: object) => use[kind](`${service}.${name}`, params, options)
  return object
}

function place(all: Objects, path: readonly string[], object: Objects): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    all[name] = Object.assign((all[name] as Objects | undefined) ?? empty(), object)
    return
  }
  const inner = (all[name] as Objects | undefined) ?? empty()
  all[name] = inner
  place(inner, rest, object)
}

const versionOf = (ref: string): number => Number(ref.slice(ref.lastIndexOf('@') + 1))
