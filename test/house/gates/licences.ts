/** Licences of what the lock files install: an allow list, each with the reason. An unknown one fails. */
import { faultless, type Gate, type Verdict } from './gate.ts'
import { lockedPackages, type LockedPackage } from './lockfile.ts'

/** By SPDX identifier. */
export const allowed: Readonly<Record<string, string>> = {
  MIT: 'permissive; notice kept in the packages',
  ISC: 'permissive, as MIT',
  '0BSD': 'permissive, without a notice',
  'BSD-2-Clause': 'permissive; notice kept',
  'BSD-3-Clause': 'permissive; notice kept',
  'Apache-2.0': 'permissive, with a patent grant; the licence of this project',
  'BlueOak-1.0.0': 'permissive, with a patent grant',
  'MPL-2.0': 'copyleft of single files, which are used unchanged',
  'Python-2.0': 'permissive; argument parsers of tools',
  'CC0-1.0': 'public domain',
  'CC-BY-3.0': 'data of tools, with attribution',
  'CC-BY-4.0': 'data of tools, with attribution',
  Unlicense: 'public domain',
  WTFPL: 'permissive',
}

/** Artistic-2.0, of secretlint: what tells text files from others. */
const ofSecretlint = 'a tool of this check, used unchanged; none of it is in what is published'

/** Packages with another licence, and why they may be installed. */
const tolerated: Readonly<Record<string, string>> = {
  'rollup-plugin-dts': 'LGPL-3.0-only: makes the types of a release; none of it is in what is published',
  elkjs:
    'EPL-2.0: weak copyleft; a layout that Mermaid brings, unchanged, in the site of the documentation alone',
  khroma: 'MIT by its license file, not named in its manifest; colours of Mermaid, in the site alone',
  binaryextensions: ofSecretlint,
  editions: ofSecretlint,
  istextorbinary: ofSecretlint,
  textextensions: ofSecretlint,
  'version-range': ofSecretlint,
}

/** Of `A OR B` one suffices, of `A AND B` both are needed. `MPL 2.0` is how some manifests spell it. */
export function isAllowed(expression: string): boolean {
  const text = (expression === 'MPL 2.0' ? 'MPL-2.0' : expression).replaceAll(/[()]/g, ' ').trim()
  if (/ AND .* OR | OR .* AND /.test(text)) return false
  if (text.includes(' OR ')) return text.split(' OR ').some(isAllowed)
  return text.split(' AND ').every(each => Object.hasOwn(allowed, each.trim()))
}

/** @returns a line for each package without an allowed licence */
export const licenceFaults = (packages: readonly LockedPackage[]): string[] =>
  packages
    .filter(({ licence }) => licence === undefined || !isAllowed(licence))
    .filter(({ path }) => !Object.hasOwn(tolerated, path.slice(path.lastIndexOf('node_modules/') + 13)))
    .map(
      ({ lock, path, licence }) =>
        `${lock}: ${path} has ${licence ?? 'no licence'}: use another package, or add the licence to test/house/gates/licences.ts with a reason`,
    )

export const licences: Gate = {
  name: 'licences',
  fast: true,
  run: async (): Promise<Verdict> => {
    const packages = await lockedPackages()
    return faultless(licenceFaults(packages), `${packages.length} packages`)
  },
}
