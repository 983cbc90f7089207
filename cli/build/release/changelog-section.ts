/**
 * The section of a version, without its heading; that of what is not yet released when the version has none.
 * @throws Error when there is neither
 */
export function changelogSection(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m).slice(1)
  const section =
    sections.find(text => text.split(/[\s\n]/)[0] === version) ??
    sections.find(text => /unreleased/i.test(text.split('\n')[0] ?? ''))
  if (section === undefined)
    throw new Error(`Cannot release: CHANGELOG.md has no section ${version}, nor one unreleased`)
  return `${section.slice(section.indexOf('\n')).trim()}\n`
}
