/** User data for cloud-init, as text that people can read and change. */
import type { HostFile } from './host-files.ts'

export interface CloudConfig {
  /** Comment lines on top, without `#`. */
  about?: readonly string[]
  packages: readonly string[]
  files: readonly HostFile[]
  /** Run once, at the first boot, in this order. */
  commands: readonly (readonly string[])[]
}

export function cloudConfig({ about = [], packages, files, commands }: CloudConfig): string {
  return [
    '#cloud-config',
    ...about.map(line => `# ${line}`.trimEnd()),
    'package_update: true',
    `packages: [${packages.join(', ')}]`,
    'write_files:',
    ...files.flatMap(fileLines),
    'runcmd:',
    ...commands.map(command => `  - ${JSON.stringify(command)}`),
    '',
  ].join('\n')
}

const fileLines = ({ path, mode, content }: HostFile): string[] => [
  `  - path: ${path}`,
  `    permissions: '${mode}'`,
  '    content: |',
  ...content
    .trimEnd()
    .split('\n')
    .map(line => `      ${line}`.trimEnd()),
]
