/**
 * Node keeps a module by its URL. In a process that reloads modules, each load is a generation: a module and the local files that
 * it imports are loaded again under URLs of their own. Packages stay as they are.
 */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const mark = 'reload'
/** Imports of the project itself: other files, and the entries of `imports` in its package.json. */
const isLocal = (specifier: string): boolean => /^(?:\.|\/|file:|#)/.test(specifier)

let onLoaded: ((path: string) => void) | undefined

/** From now on each generation loads its own modules. @param loaded gets the path of each local file that is imported */
export function loadInGenerations(loaded: (path: string) => void): void {
  if (onLoaded === undefined)
    registerHooks({
      resolve(specifier, context, next) {
        const found = next(specifier, context)
        const generation = generationOf(context.parentURL)
        if (generation === null || !isLocal(specifier) || !found.url.startsWith('file:')) return found
        onLoaded?.(fileURLToPath(found.url))
        return { ...found, url: inGeneration(found.url, generation) }
      },
    })
  onLoaded = loaded
}

/** The URL of a module in one generation of loads. */
export function inGeneration(url: string, generation: number | string): string {
  const marked = new URL(url)
  marked.searchParams.set(mark, String(generation))
  return marked.href
}

function generationOf(url: string | undefined): string | null {
  return url?.startsWith('file:') ? new URL(url).searchParams.get(mark) : null
}
