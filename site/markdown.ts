/** What the pages need on the site and not on a code host, where they are read as well. */
import { posix } from 'node:path'

interface Token {
  type: string
  children: Token[] | null
  /** Of a fenced block, what follows the fence. */
  info: string
  content: string
  attrGet(name: string): string | null
  attrSet(name: string, value: string): void
}

type Fence = (tokens: Token[], index: number, ...rest: unknown[]) => string

/** Of markdown-it, which only the site installs. */
interface MarkdownIt {
  renderer: { rules: { fence?: Fence } }
  core: {
    ruler: {
      push(name: string, rule: (state: { tokens: Token[]; env: { relativePath: string } }) => void): void
    }
  }
}

/** As code hosts make anchors of headings: links between the pages use these. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

const isPage = (path: string): boolean => path === '' || path.endsWith('.md')

/**
 * Links to sources lead to a copy of the file on the site, as text: browsers show no TypeScript.
 * @param linked gathers their paths in the checkout
 */
export const linkSources =
  (linked: Set<string>) =>
  (md: MarkdownIt): void =>
    md.core.ruler.push('link-sources', ({ tokens, env }) => {
      const links = tokens
        .flatMap(({ children }) => children ?? [])
        .filter(({ type }) => type === 'link_open')
      for (const link of links) {
        const target = link.attrGet('href') ?? ''
        if (/^([a-z]+:|[#/])/.test(target) || isPage(target.split('#')[0] ?? '')) continue
        const file = posix.join(posix.dirname(env.relativePath), target)
        linked.add(file)
        link.attrSet('href', `/source/${file}.txt`)
        link.attrSet('target', '_self')
      }
    })

/** A block of Mermaid, which code hosts draw, is drawn by a component of the site. */
export function drawDiagrams(md: MarkdownIt): void {
  const { fence } = md.renderer.rules
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const token = tokens[index]
    if (token?.info.trim() === 'mermaid') return `<Diagram code="${encodeURIComponent(token.content)}" />\n`
    return fence?.(tokens, index, ...rest) ?? ''
  }
}

/** A wide table is scrolled by keys as well: it takes the focus. */
export function focusTables(md: MarkdownIt): void {
  md.core.ruler.push('focus-tables', ({ tokens }) => {
    for (const token of tokens) if (token.type === 'table_open') token.attrSet('tabindex', '0')
  })
}
