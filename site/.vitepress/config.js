import { copyFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

import { anchorOf, drawDiagrams, focusTables, linkSources } from '../markdown.ts'
import { addressOf, groups } from '../pages.ts'

const checkout = join(import.meta.dirname, '..', '..')
const folders = readdirSync(checkout, { withFileTypes: true }).filter(entry => entry.isDirectory())
const others = folders
  .filter(({ name }) => name !== 'docs' && name !== 'site')
  .map(({ name }) => `${name}/**`)

/** Paths in the checkout of sources that pages link to. */
const linked = new Set()

/** Folders are copied as the list of their files. */
function copySource(file, outDir) {
  const copy = join(outDir, 'source', `${file}.txt`)
  mkdirSync(dirname(copy), { recursive: true })
  const source = join(checkout, file)
  if (statSync(source).isDirectory()) writeFileSync(copy, `${readdirSync(source).sort().join('\n')}\n`)
  else copyFileSync(source, copy)
}

const items = ({ pages }) => Object.entries(pages).map(([page, text]) => ({ text, link: addressOf(page) }))

/** Pages outside of this folder do not find the Vue of it; what renders them at build time does. */
const vueOfSite = {
  name: 'vue-of-site',
  enforce: 'pre',
  resolveId: id => (/^vue(\/server-renderer)?$/.test(id) ? { id, external: true } : null),
  apply: (_config, { isSsrBuild }) => isSsrBuild === true,
}

/** Three members and their links; without one, browsers ask for /favicon.ico. */
const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><g fill="#3451b2" stroke="#3451b2"><path d="M8 3 3 12h10z" fill="none"/><circle cx="8" cy="3" r="2.5"/><circle cx="3" cy="12" r="2.5"/><circle cx="13" cy="12" r="2.5"/></g></svg>',
)}`

export default {
  title: 'Agent Mesh',
  description: 'Machines on different networks find, trust and call each other.',
  // The pages as they are in the checkout. A dead link between them fails the build.
  srcDir: '..',
  srcExclude: [...others, 'site/node_modules/**', 'site/dist/**'],
  outDir: 'dist',
  rewrites: { 'site/index.md': 'index.md', 'site/api/:page*': 'api/:page*' },
  lastUpdated: false,
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: icon }]],
  vite: { plugins: [vueOfSite], build: { chunkSizeWarningLimit: 4_096 }, logLevel: 'warn' },
  markdown: {
    // The colours of GitHub's own themes have too little contrast on the grey of the blocks.
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // `docs/stores.md` is no host name.
    linkify: false,
    // A `<` in a page is the sign, not an element.
    html: false,
    // Of the alerts; the highlighter knows no such language.
    languages: [{ name: 'promql', scopeName: 'source.promql', patterns: [], repository: {} }],
    anchor: { slugify: anchorOf },
    config: md => {
      linkSources(linked)(md)
      drawDiagrams(md)
      focusTables(md)
    },
  },
  themeConfig: {
    // The index is a part of the site: no service, no network.
    search: { provider: 'local' },
    outline: [2, 3],
    nav: groups.slice(0, -1).map(group => ({ text: group.text, items: items(group) })),
    sidebar: groups.map(group => ({ text: group.text, items: items(group) })),
  },
  buildEnd: ({ outDir }) => {
    for (const file of linked) copySource(file, outDir)
  },
}
