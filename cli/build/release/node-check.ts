/** The oldest Node that has what the code uses: module.registerHooks() and node:sqlite without a flag. */
export const oldestNode = '22.15.0'

/** A module that ends the import with one clear sentence on an older Node. Evaluated before the code that would not load. */
export const nodeCheck = (
  name: string,
): string => `const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 15))
  throw new Error(\`Cannot load ${name}: it needs Node ${oldestNode} or newer, this is \${process.version}\`)
`
